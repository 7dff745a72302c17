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
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from dltui.core import paths
from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.contract.launchers import Launch, LaunchState, StateName
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
        options = validated(launcher.options, record.options)
    except PluginError as error:
        raise UsageError(f"launcher {launcher.name}: {error}") from None
    launched = as_launched(run)
    job = _job(launcher, launched, launcher.start(launched, options))
    try:
        # A job that begins at once may already have told of itself; this record alone is written here.
        told = replace(record, requeues=launcher.requeues, away=launcher.away)
        launch.write(run.path, replace(told, job=job or {"started": record.time}))
    except RunError:
        # Nobody could find a job without a record.
        launcher.kill(launched, job)
        raise


def _job(launcher: Launcher, launched: Launch, given: object) -> dict[str, Any]:
    """The job that `start` returned. One that cannot be kept is ended, as far as `kill` can do that. Raises
    PluginError.
    """
    where = f"launcher {launcher.name}: start"
    if not isinstance(given, Mapping):
        what = "None" if given is None else f"a {type(given).__name__}"
        lost = "the job that it may have started is not known to dltui"
        raise PluginError(f"{where} returned {what}, no dict of JSON values: {lost}")
    job = dict(given)
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        json.dumps(job, allow_nan=False)
        if all(isinstance(name, str) for name in job):
            return job
    ended = "could not be ended"
    with contextlib.suppress(Exception):
        launcher.kill(launched, job)
        ended = "was ended"
    raise PluginError(f"{where} must return a dict of JSON values; its job {ended}")


def state(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> None:
    """Note what the launcher knows of its job."""
    _note(run, record, time.time(), _state(run, launcher, record))


def _state(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> LaunchState:
    """The state of a job; "unknown", with the reason, where the launcher fails: nobody reads what this process says."""
    try:
        found = launcher.state(as_launched(run), record.job)
        if isinstance(found, LaunchState) and found.name in get_args(StateName):
            return replace(found, place=max(int(found.place), 0))
        given = found.name if isinstance(found, LaunchState) else type(found).__name__
        told = f"launcher {launcher.name}: state returned {clean_line(given, 60)}"
        return LaunchState("unknown", f"{told}; it must be a LaunchState: {', '.join(get_args(StateName))}")
    except (Exception, SystemExit) as error:
        left = isinstance(error, SystemExit)
        return LaunchState("unknown", "it called sys.exit()" if left else plugin_loader.explain("", error).reason)


def _note(run: RunDirectory, record: LaunchRecord, asked: float, found: LaunchState) -> None:
    newest = launch.read(run.path)
    if newest is None or newest.job != record.job or newest.withdrawn:
        # Started anew, or ended by a user, in the meantime.
        return
    reason = clean_line(found.reason, 200)
    launch.write(run.path, replace(newest, state=found.name, reason=reason, place=found.place, asked=asked))


def kill(run: RunDirectory, launcher: Launcher, record: LaunchRecord) -> None:
    """End the job, and note that a user wanted it. Raises what the launcher raises."""
    # Before it ends: what a job does at its end depends on it.
    with contextlib.suppress(RunError):
        # A full disk must not save a job from its end.
        launch.write(run.path, _withdrawn(record, "ended"))
    try:
        launcher.kill(as_launched(run), record.job)
    except BaseException:
        with contextlib.suppress(RunError):
            launch.write(run.path, record)
        raise


def _withdrawn(record: LaunchRecord, how: str) -> LaunchRecord:
    reason = f"{how} by {process.user_at_host()}"
    return replace(record, withdrawn=True, given_up=False, reason=reason, asked=time.time())


class NotInstalledError(UsageError):
    """A launcher that is not there any more: only its user knows what has become of its jobs."""


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
    try:
        launcher = _launcher(run, record)
    except DltuiError as error:
        if action == "state":
            _note(run, record, time.time(), LaunchState("unknown", str(error)))
        if action == "kill" and isinstance(error, NotInstalledError):
            launch.write(run.path, replace(_withdrawn(record, "given up"), given_up=True))
            raise UsageError(f"{error}; its job was not ended, and is not asked about any more") from None
        raise
    ACTIONS[action](run, launcher, record)


def _launcher(run: RunDirectory, record: LaunchRecord) -> Launcher:
    catalog = trust.catalog(run)
    entry = catalog.launchers.get(record.launcher)
    if entry is None:
        which = f"launcher {record.launcher} of {clean_line(run.id)}"
        if catalog.problems:
            # It may be that of a plugin which cannot be loaded just now.
            raise UsageError(f"{which} is not here, and not every plugin could be loaded; see dltui plugins list")
        raise NotInstalledError(f"{which} is not installed; see dltui plugins list")
    return plugin_loader.load_launcher(entry.source, record.launcher)


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
