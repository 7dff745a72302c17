"""Starts runs by their launchers, and asks what has become of what these started. Plugin code runs in processes of its
own (`launch_process`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.launch import placing
from dltui.core.machine import priority
from dltui.core.machine.devices import asked_for, left_open
from dltui.core.numbers import exact
from dltui.core.reading.status import OVER
from dltui.core.rundir import heartbeat, launch
from dltui.core.rundir.launch import Chosen, LaunchRecord
from dltui.core.text import clean_line, suggest

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.catalog.entries import Catalog, LauncherEntry
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory

ASK_SECONDS = 5.0
"""The time between two questions about a job, while somebody looks."""
START_SECONDS = 180.0
LIST_SECONDS = 10.0
"""The time that a list of runs waits for the answers of launchers."""
BEATING_SECONDS = 15.0
"""A worker with a younger heartbeat tells of itself: its launcher is not asked."""

ASKED = ("preempted", "interrupted")
"""The ends of a run whose launcher may have put its job into the queue again."""

MOST_ASKED = 4
"""The processes that ask at the same time: a scheduler is not asked about hundreds of jobs at once."""
_ASKING: dict[str, tuple[float, subprocess.Popen[bytes]]] = {}
"""By run directory: when its launcher was asked last, by the clock of this process, and the process that asks."""


def usable(catalog: Catalog) -> dict[str, LauncherEntry]:
    """The launchers that can be chosen here, the default first."""
    found = {name: entry for name, entry in catalog.launchers.items() if not problem(entry, catalog)}
    return dict(sorted(found.items(), key=lambda item: item[0] != launch.DEFAULT))


def problem(entry: LauncherEntry, catalog: Catalog) -> str:
    """The reason why a launcher cannot be chosen here, with the remedy; "" when it can."""
    missing = next((name for name in entry.programs if shutil.which(name) is None), None)
    if missing is not None:
        return f"there is no {missing} on PATH"
    python = str(entry.source["python"])
    installed = catalog.installed.get(python)
    if entry.package and installed and installed.version(entry.package) is None:
        command = entry.install if python == sys.executable else f"{shlex.quote(python)} -m {entry.install}"
        return f"needs {entry.package}: {command}"
    return ""


def check(wanted: Chosen, catalog: Catalog) -> tuple[Chosen, LauncherEntry | None]:
    """The launcher with all of its options, checked. Raises UsageError for one that is unknown or cannot be used."""
    from dltui.core.catalog.fields import check_values

    entry = catalog.launchers.get(wanted.name)
    if entry is None:
        if wanted.is_default:
            return Chosen(), None
        hint = suggest(wanted.name, catalog.launchers) or f"there is {', '.join(catalog.launchers) or 'none'}"
        raise UsageError(f'no launcher "{clean_line(wanted.name, 40)}"; {hint}')
    why = problem(entry, catalog)
    if why:
        raise UsageError(f"launcher {entry.name} cannot be used here: {why}")
    options = check_values(entry.fields, wanted.options, f"launcher {entry.name}")
    if entry.checks_more:
        from dltui.core.catalog import questions

        options = questions.launcher_options(entry, options)
    return Chosen(entry.name, options), entry


def words(launcher: Chosen) -> list[str]:
    """The command-line words that choose a launcher."""
    if launcher.is_default:
        return []
    pairs = [word for name, value in launcher.options.items() if value != "" for word in (f"{name}={exact(value)}",)]
    return ["--launcher", launcher.name, *([f"--{launcher.name}", ",".join(pairs)] if pairs else [])]


def choose(run: RunDirectory, wanted: Chosen, catalog: Catalog) -> None:
    """Let the run be started by this launcher from now on. Raises UsageError or RunError."""
    found, _ = check(wanted, catalog)
    before = launch.read(run.path)
    if before is None or not before.job:
        launch.write(run.path, LaunchRecord(found.name, found.options))
    else:
        # What has become of the last job stays known until the run begins again; nobody asks about it any more.
        withdrawn = replace(before, withdrawn=True, given_up=False)
        launch.write(run.path, replace(withdrawn, launcher=found.name, options=found.options))


def take_back(run: RunDirectory, before: LaunchRecord | None) -> None:
    """Put the record back that a run had `before` a choice that led to nothing; a disk that refuses is not told of."""
    if before is None:
        launch.forget(run.path)
        return
    with contextlib.suppress(RunError):
        launch.write(run.path, before)


def begin_here(run: RunDirectory) -> None:
    """Note that the run is started without a launcher. Raises RunError."""
    if launch.is_there(run.path):
        launch.write(run.path, LaunchRecord(launch.DEFAULT, {}))


def is_away(run: RunDirectory) -> bool:
    """True if the run is started by another launcher than the default one."""
    return not launch.chosen(run.path, run.run()).is_default


def begin(run: RunDirectory, more_epochs: int = 0, instead: Mapping[str, Any] | None = None) -> None:
    """Start a run by its launcher. Raises UsageError with the launcher's words; of a run that has never begun nothing
    is left then.
    """
    from dltui.core.reading.reader import RunReader

    reader = RunReader(run)
    reader.refresh()
    before, wanted = launch.read(run.path), launch.chosen(run.path, run.run())
    live = heartbeat.read_live(run.path)
    record = LaunchRecord(
        wanted.name,
        wanted.options,
        time=time.time(),
        # An attempt that ended before its first line in the log has a heartbeat alone.
        attempts=max(reader.history.attempts_started, live.attempt if live else 0),
        extensions=len(reader.history.added_epochs),
        more_epochs=more_epochs,
        instead=_for_another_machine(run, instead or {}),
    )
    starting = heartbeat.read_starting(run.path)
    try:
        launch.write(run.path, record)
        _ask(run, "start")
    except UsageError:
        if starting is not None and starting.creator:
            fs.remove_dir(run.path)
        else:
            take_back(run, before)
        raise
    heartbeat.clear_starting(run.path)


def _for_another_machine(run: RunDirectory, instead: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that replace those of run.json where the launcher starts it: a GPU of this machine is not there, and
    each of several workers chooses. Raises UsageError for a device that they cannot choose.
    """
    device, launcher = instead.get("device") or run.run().get("device") or {}, launch.chosen(run.path, run.run())
    placing.check_word(asked_for({"device": device}), launcher)
    here = str(device.get("name") or "cpu").startswith("cpu") and launch.workers(launcher) == 1
    if device.get("open") or here:
        return dict(instead)
    return {**instead, "device": left_open(asked_for({"device": device}))}


def end(run: RunDirectory, by: str | None = None) -> None:
    """End the job of a run, wherever it stands; `by` is who wanted it, by default this user. Raises UsageError with the
    launcher's words.
    """
    _ask(run, "kill")
    record = launch.read(run.path)
    if by is not None and record is not None:
        with contextlib.suppress(RunError):
            launch.write(run.path, replace(record, reason=f"ended by {clean_line(by, 200)}"))


def has_job(run: RunDirectory) -> bool:
    """True if a launcher has started the run, and may still be asked about it."""
    record = launch.read(run.path)
    return record is not None and bool(record.job) and not record.withdrawn


def is_given_up(run: RunDirectory) -> bool:
    """True if a user has given up the job of a run: its launcher was not there, and it may live all the same."""
    record = launch.read(run.path)
    return record is not None and bool(record.job) and record.given_up


def is_withdrawn(run: RunDirectory) -> bool:
    """True if a user has ended the job of a run."""
    record = launch.read(run.path)
    return record is not None and record.withdrawn


def refresh(run: RunDirectory, status: Status) -> None:
    """Ask, without waiting, what has become of a run's job, where its worker does not tell of itself."""
    known = _ASKING.get(str(run.path))
    # Of many runs each is asked about less often, so that each has its turn.
    pause = max(ASK_SECONDS, ASK_SECONDS * len(_ASKING) / (2 * MOST_ASKED))
    if known is not None and (known[1].poll() is None or time.monotonic() - known[0] < pause):
        return
    if sum(process.poll() is None for _, process in list(_ASKING.values())) >= MOST_ASKED:
        return
    if _is_due(run, status):
        _ASKING[str(run.path)] = (time.monotonic(), _process(run, "state"))


def refresh_all(runs: Iterable[tuple[RunDirectory, Status]], seconds: float = LIST_SECONDS) -> bool:
    """Ask about the jobs of several runs, a few at a time, and wait for the answers; True if any was asked. Of the
    others is known what was said of them before.
    """
    due = [run for run, status in runs if _is_due(run, status)]
    deadline = time.monotonic() + seconds
    for first in range(0, len(due), MOST_ASKED):
        if time.monotonic() > deadline:
            break
        for one in [_process(run, "state") for run in due[first : first + MOST_ASKED]]:
            try:
                one.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
    return bool(due)


def _is_due(run: RunDirectory, status: Status) -> bool:
    if not launch.is_there(run.path) or (status.name in OVER and status.name not in ASKED):
        return False
    record = launch.read(run.path)
    if record is None or not record.job or record.withdrawn or record.state == "gone":
        return False
    if status.name in ASKED and not record.requeues:
        return False
    if time.time() - record.asked < ASK_SECONDS or not _is_own(run.path):
        return False
    live = heartbeat.read_live(run.path)
    return live is None or live.phase == "ended" or time.time() - live.time > BEATING_SECONDS


def _is_own(run_dir: Path) -> bool:
    with contextlib.suppress(OSError):
        return run_dir.stat().st_uid == os.geteuid() and os.access(run_dir, os.W_OK)
    return False


def _process(run: RunDirectory, action: str, **pipes: int) -> subprocess.Popen[bytes]:
    places = {"DLTUI_HOME": paths.home(), "DLTUI_CACHE": paths.cache_dir(), "DLTUI_CONFIG": paths.config_file()}
    output, errors = (pipes.get(name, subprocess.DEVNULL) for name in ("stdout", "stderr"))
    return priority.start(
        [sys.executable, "-P", "-m", "dltui.core.lifecycle.launch.launch_process", action, str(run.path)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        cwd=paths.made_home(),
        env={**os.environ, **{name: str(path) for name, path in places.items()}},
        stdout=output,
        stderr=errors,
    )


def _ask(run: RunDirectory, action: str) -> None:
    """Have a launcher act, and wait for it. Raises UsageError."""
    process = _process(run, action, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    name = launch.chosen(run.path, run.run()).name
    try:
        output, errors = process.communicate(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise UsageError(f"launcher {name} does not answer: no {action} within {START_SECONDS:.0f} s") from None
    try:
        answer = json.loads(output)
        reason = str(answer["error"])
    except (ValueError, KeyError, TypeError):
        said: Sequence[str] = errors.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        reason = f"launcher {name} ended with exit code {process.returncode}: {said[-1]}"
    if reason:
        raise UsageError(clean_line(reason, 500))
