"""Carries out what a launcher does: `python -P -m dltui.core.lifecycle.launch.launch_process start|state|kill RUN_DIR`.

The record of the launch lies in the run directory and is changed there; the answer is {"error": TEXT}, "" when all is
well.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog import plugin_loader
from dltui.core.contract.launchers import Launch, LaunchState
from dltui.core.errors import DltuiError, PluginError, RunError, UsageError
from dltui.core.lifecycle import trust
from dltui.core.machine import process
from dltui.core.rundir import launch, place
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.contract.launchers import Launcher
    from dltui.core.rundir.launch import LaunchRecord

KEPT = ("DLTUI_DATA", "DLTUI_RANK_SECONDS")
"""The variables that reach a run on another machine."""


def as_launched(run: RunDirectory) -> Launch:
    """The run as a launcher sees it."""
    places = {"DLTUI_HOME": paths.home(), "DLTUI_CACHE": paths.cache_dir(), "DLTUI_CONFIG": paths.config_file()}
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    command = (sys.executable, "-P", "-m", "dltui.core.lifecycle.launch.launched_process", str(run.path))
    environment = {**{name: str(path) for name, path in places.items()}, **kept}
    return Launch(run.path, run.id, command, environment, run.worker_log)


def start(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> None:
    """Start the run and note the job. Raises RunError."""
    try:
        options = launcher.options.model_validate(dict(record.options))
    except ValueError as error:
        raise UsageError(f"launcher {launcher.name}: {clean_line(error, 300)}") from None
    launched = as_launched(run)
    job = dict(launcher.start(launched, options))
    try:
        json.dumps(job, allow_nan=False)
    except (TypeError, ValueError):
        raise PluginError(f"launcher {launcher.name}: start must return a dict of JSON values") from None
    try:
        # A job that begins at once may already have told of itself; this record alone is written here.
        told = replace(record, requeues=launcher.requeues, away=launcher.away)
        launch.write(run.path, replace(told, job=job or {"started": record.time}))
    except RunError:
        # Nobody could find a job without a record.
        launcher.kill(launched, job)
        raise


def state(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> None:
    """Note what the launcher knows of its job."""
    asked = time.time()
    try:
        found = launcher.state(as_launched(run), record.job)
    except RunError as error:
        found = LaunchState("unknown", str(error))
    if not isinstance(found, LaunchState):
        raise PluginError(f"launcher {launcher.name}: state must return a LaunchState")
    newest = launch.read(run.path)
    if newest is None or newest.job != record.job or newest.withdrawn:
        # Started anew, or ended by a user, in the meantime.
        return
    reason, place_in_line = clean_line(found.reason, 200), max(int(found.place), 0)
    launch.write(run.path, replace(newest, state=found.name, reason=reason, place=place_in_line, asked=asked))


def kill(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> None:
    """End the job, and note that a user wanted it. Raises what the launcher raises."""
    # Before it ends: what a job does at its end depends on it.
    marked = replace(record, withdrawn=True, reason=f"ended by {process.user_at_host()}", asked=time.time())
    with contextlib.suppress(RunError):
        # A full disk must not save a job from its end.
        launch.write(run.path, marked)
    try:
        launcher.kill(as_launched(run), record.job)
    except BaseException:
        with contextlib.suppress(RunError):
            launch.write(run.path, record)
        raise


ACTIONS: dict[str, Callable[[RunDirectory, Launcher, LaunchRecord], None]] = {
    "start": start,
    "state": state,
    "kill": kill,
}


def act(action: str, run_dir: Path) -> None:
    """Carry out an action. Raises what the launcher raises, and UsageError where it cannot be asked."""
    run = RunDirectory(run_dir)
    why = place.untrusted_reason(run)
    if why:
        raise UsageError(f"{clean_line(run.id)}: its launcher is not asked: {why}")
    record = launch.read(run.path)
    if record is None:
        raise UsageError(f"{clean_line(run.id)} was not started by a launcher")
    entry = trust.catalog(run).launchers.get(record.launcher)
    if entry is None:
        raise UsageError(f"launcher {record.launcher} of {clean_line(run.id)} is not installed; see dltui plugins list")
    ACTIONS[action](run, plugin_loader.load_launcher(entry.source, record.launcher), record)


def main(argv: list[str] | None = None) -> int:
    action, run_dir = sys.argv[1:] if argv is None else argv
    # What a plugin prints is not the answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    answer: dict[str, Any] = {"error": ""}
    try:
        act(action, Path(run_dir))
    except DltuiError as error:
        answer["error"] = str(error) or type(error).__name__
    except Exception as error:
        answer["error"] = plugin_loader.explain("", error).reason
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
