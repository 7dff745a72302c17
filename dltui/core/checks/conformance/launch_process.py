"""Tries out a launcher, in a process of its own: it starts a command, says what becomes of it, and ends another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.catalog import plugin_loader
from dltui.core.contract.launchers import Launch, Launcher, LaunchState
from dltui.core.errors import DltuiError, RunError
from dltui.core.lifecycle.launch import launching
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

SECONDS = 60.0
"""The time that a job may take from its start to its command, and from its end to "gone"."""
STATES = ("waiting", "running", "gone", "unknown")


def check(name: str, catalog: Catalog, files: Sequence[Path]) -> tuple[bool, str]:
    """Start a command by the launcher and end another one: (True if all is well, message). One that cannot be used
    here, that refuses its defaults, or whose jobs do not begin within a minute, is not tried.
    """
    entry = catalog.launchers[name]
    problem = launching.problem(entry, catalog)
    if problem:
        return True, f"cannot be tried here: {problem}"
    with tempfile.TemporaryDirectory(prefix="dltui-check-") as folder:
        # Code of a plugin is never loaded into this process.
        words = [sys.executable, "-P", "-m", __name__, folder, name, json.dumps(dict(entry.source))]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    said = lines[-1] if lines else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return done.returncode == 0, clean_line(said, 400)


def main(words: Sequence[str]) -> int:
    """Try the launcher in this process: FOLDER NAME SOURCE."""
    folder, name, source = words
    try:
        told = _tried(plugin_loader.load_launcher(json.loads(source), name), Path(folder))
    except DltuiError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    except Exception as error:
        sys.stdout.write(f"{plugin_loader.explain('', error).reason}\n")
        return 1
    sys.stdout.write(f"{told}\n")
    return 0


class _Wrong(DltuiError):
    """A promise that the launcher does not keep."""


def _tried(launcher: Launcher, folder: Path) -> str:
    options = launcher.options()
    first = _launch(folder, "first", "import os; open(os.environ['CHECK_MARK'], 'w').close(); print('it prints')")
    began = time.monotonic()
    try:
        job = launcher.start(first, options)
    except RunError as refusal:
        # As of one that needs an option, such as the image of a container.
        return f"not tried: {refusal}"
    if time.monotonic() - began > SECONDS:
        raise _Wrong(f"start takes {time.monotonic() - began:.0f} s; it must return at once, and not wait for the run")
    _check_job(job)
    if not _until(lambda: Path(first.environment["CHECK_MARK"]).exists()):
        launcher.kill(first, job)
        found = _state(launcher, first, job)
        if found.name == "waiting":
            return f"its jobs wait here ({found.reason or 'no reason'}): not tried further"
        raise _Wrong(f"its command was not carried out within {SECONDS:.0f} s: start(launch, options)")
    if not _until(lambda: _state(launcher, first, job).name == "gone"):
        raise _Wrong(f'state says "{_state(launcher, first, job).name}" of a command that has ended; it must be "gone"')
    if "it prints" not in first.log.read_text():
        raise _Wrong("what the command prints is not in launch.log")
    second = _launch(folder, "second", "import os, time; open(os.environ['CHECK_MARK'], 'w').close(); time.sleep(600)")
    job = launcher.start(second, options)
    _until(lambda: Path(second.environment["CHECK_MARK"]).exists())
    launcher.kill(second, job)
    if not _until(lambda: _state(launcher, second, job).name == "gone"):
        raise _Wrong("kill(launch, job) does not end its command")
    return "a command was started and ended, another killed"


def _launch(folder: Path, name: str, code: str) -> Launch:
    run_dir = folder / name
    fs.FS.mkdir(run_dir)
    mark = {"CHECK_MARK": str(run_dir / "began"), "PATH": os.environ.get("PATH", "")}
    return Launch(run_dir, name, (sys.executable, "-P", "-c", code), mark, run_dir / "worker.log")


def _check_job(job: object) -> None:
    try:
        if not isinstance(job, Mapping):
            raise TypeError
        json.dumps(dict(job), allow_nan=False)
    except (TypeError, ValueError):
        raise _Wrong("start must return a dict of JSON values, which state and kill get back") from None


def _state(launcher: Launcher, launch: Launch, job: Mapping[str, object]) -> LaunchState:
    found = launcher.state(launch, job)
    if not isinstance(found, LaunchState) or found.name not in STATES:
        raise _Wrong(f"state must return a LaunchState: {', '.join(STATES)}")
    return found


def _until(done: Callable[[], bool], seconds: float = SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
