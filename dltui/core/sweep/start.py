"""Begins, continues and stops a sweep."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.analysis.trials import plan as plans
from dltui.core.analysis.trials.trial import TrialReader
from dltui.core.catalog.fields import flag_words
from dltui.core.data.findings import dropped
from dltui.core.errors import DataError, RunError, UsageError
from dltui.core.lifecycle import kill, series, start
from dltui.core.lifecycle.create import check_request
from dltui.core.lifecycle.launch import launching
from dltui.core.numbers import exact
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import claim, commands, confidential, names
from dltui.core.rundir.directory import list_runs
from dltui.core.rundir.launch import Chosen
from dltui.core.sweep import folder, samplers
from dltui.core.sweep.coordinator import confirming_name, confirming_seeds, trial_request
from dltui.core.sweep.folder import SweepFolder
from dltui.core.sweep.view import look
from dltui.core.text import clean_line
from dltui.core.train.options import time_budget
from dltui.core.worker import loggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.space import Values
    from dltui.core.catalog.entries import Catalog
    from dltui.core.lifecycle.create import Checked, RunRequest
    from dltui.core.rundir.directory import RunDirectory

LEAVING_SECONDS = 10.0
STARTING_SECONDS = 20.0
APPEARING_SECONDS = 3.0
"""The time in which a worker that has just been started tells of itself."""
LOOKING_SECONDS = 1.0
LEAST = 20
"""For so long a trial is looked for whose values go together, and among at least so many."""
_LONGEST_NAME = 44
"""Letters of the name of a sweep; its runs have longer ones."""
_COORDINATORS: list[subprocess.Popen[bytes]] = []


def create(
    plan: Plan, request: RunRequest, catalog: Catalog, tell: Callable[[str], None] = lambda text: None
) -> SweepFolder:
    """Check a sweep by its first trial whose values go together, and make its folder; "" as the pruner stands for the
    usual one. Raises UsageError, and then nothing is left.
    """
    name = _free_name(request.name)
    request = _anywhere(request)
    epochs, timed = _epochs(plan, request, catalog), _is_timed(plan, request, catalog)
    command = tuple(confidential.mask_command(plan.command))
    plan = plans.with_pruner(replace(plan, name=name, epochs=epochs, timed=timed, command=command))
    plan = plans.check(plan)
    plans.check_shared(plan)
    samplers.check(plan)
    _check_times(plan, request)
    _check_names(plan, request)
    _check_seeds(plan, request, catalog)
    checked, refused = _first(plan, request, catalog, tell)
    request = replace(_as_left_out(request, checked.fields), name=name)
    request = replace(request, command=trial_words(request))
    return SweepFolder.create(plan, request, [*loggers.chosen(request.loggers, catalog)], refused)


def _first(
    plan: Plan, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]
) -> tuple[Checked, dict[int, Values]]:
    """The first trial whose values go together, checked, and the values of those before it. Raises the UsageError of
    the very first where none is found.
    """
    refused: dict[int, Values] = {}
    problem = UsageError("no trial")
    until = math.inf
    for number in range(plan.trials):
        values = samplers.values(plan, number, [], refused.values())
        is_late = len(refused) >= LEAST and time.monotonic() > until
        if is_late or values in refused.values():
            break
        try:
            return check_request(trial_request(plan, request, number, values), catalog).prepare(tell), refused
        except DataError:
            # It would be the same with any values.
            raise
        except UsageError as error:
            problem, until = (problem, until) if refused else (error, time.monotonic() + LOOKING_SECONDS)
            refused[number] = values
    raise problem


def _check_times(plan: Plan, request: RunRequest) -> None:
    """Raises UsageError where a trial would train for a time that is not clear."""
    varied = [text for one in plan.space if one.name == "max_time" for text in one.values]
    for text in (request.config.get("max_time") or "", *varied):
        time_budget.check_clear(str(text))


def _check_names(plan: Plan, request: RunRequest) -> None:
    """Raises UsageError where the runs that confirm the winner would have names that are too long."""
    seeds = confirming_seeds(plan, request)
    excess = max((len(confirming_name(plan, plan.trials - 1, seed)) for seed in seeds), default=0) - names.MOST
    if excess > 0:
        most = len(plan.name) - excess
        runs = f"the runs that confirm the winner with seed {seeds[-1]} have longer names"
        raise UsageError(f"the name {plan.name} is too long: {runs}; take one of at most {most} letters")


def _check_seeds(plan: Plan, request: RunRequest, catalog: Catalog) -> None:
    """Raises UsageError where the runs that confirm the winner would have seeds that there are not."""
    field, seeds = catalog.model(request.model).field("seed"), confirming_seeds(plan, request)
    if field is None or not seeds:
        return
    try:
        field.check(seeds[-1])
    except UsageError as error:
        raise UsageError(f"the runs that confirm the winner have seeds up to {seeds[-1]}: {error}") from None


def _as_left_out(request: RunRequest, fields: Mapping[str, Any]) -> RunRequest:
    """The request with what the first trial leaves out of its data, so that all leave out the same, and with the
    absolute path of the review.
    """
    left_out = fields.get(dropped.FIELD)
    if not left_out:
        return request
    options = {**request.dataset_options, dropped.OPTION: fields["dataset_options"][dropped.OPTION]}
    return replace(request, dataset_options=options, dropped=left_out)


def trial_words(request: RunRequest) -> tuple[str, ...]:
    """The command line that trains one trial, without what varies."""
    options = dict(request.dataset_options)
    path = options.pop("path", None)
    dataset = request.dataset if path is None or ":" in request.dataset else f"{request.dataset}:{path}"
    words = ["dltui", "train", request.model, "--dataset", dataset, "--device", request.device]
    words += ["--exports", str(request.exports), "--format", ",".join(request.formats)]
    words += ["--data-dir", request.data_dir] if request.data_dir else []
    words += ["--share", request.share] if request.share else []
    words += launching.words(Chosen(request.launcher, request.launcher_options))
    pairs = [("--data", f"{name}={exact(value)}") for name, value in options.items()]
    pairs += [("--plugin", str(path)) for path in request.plugins] + [("--log", word) for word in request.loggers]
    words += [word for pair in pairs for word in pair]
    return (*words, *(word for name, value in request.config.items() for word in flag_words(name, value)))


def _anywhere(request: RunRequest) -> RunRequest:
    """The request with absolute paths: the coordinator has another working directory."""
    return replace(
        request,
        exports=paths.absolute(request.exports or "."),
        data_dir=paths.absolute(request.data_dir) if request.data_dir else None,
        plugins=tuple(paths.absolute(str(path)) for path in request.plugins),
    )


def _free_name(wanted: str | None) -> str:
    if wanted is not None and len(wanted) > _LONGEST_NAME:
        raise UsageError(f"the name of a sweep has at most {_LONGEST_NAME} letters, its trials have longer ones")
    # Its runs are known by the beginning of their names.
    taken = {run.id.rpartition("-t")[0] for run in list_runs()} | {one.name for one in folder.sweeps()}
    base = name = series.group_name(wanted)
    number = 1
    while name in taken or f"{name}-winner" in taken:
        number += 1
        name = series.group_name(f"{base}-{number}")
    return name


def _epochs(plan: Plan, request: RunRequest, catalog: Catalog) -> int:
    """The most epochs that a trial may have."""
    varied = next((one for one in plan.space if one.name == "epochs"), None)
    if varied is not None:
        return int(varied.greatest)
    field = catalog.model(request.model).field("epochs")
    return int(request.config.get("epochs", field.default if field else 1))


def _is_timed(plan: Plan, request: RunRequest, catalog: Catalog) -> bool:
    """True if a trial may train for a time instead of for epochs."""
    field = catalog.model(request.model).field("max_time")
    varied = any(one.name == "max_time" for one in plan.space)
    return varied or bool(request.config.get("max_time", field.default if field else ""))


def more(sweep: SweepFolder, count: int, **changes: Any) -> int:
    """Add trials to a sweep, with other changes to its plan; returns how many were added. Raises UsageError, with
    nothing changed, where there are no more combinations and nothing else is left to do, and RunError.
    """
    plan = sweep.plan()
    room = plans.check(replace(plan, trials=plan.trials + count, **changes)).trials - plan.trials
    if not room and not look(sweep.name).left:
        raise UsageError(f"{sweep.name} has no more trials: all combinations have one, and nothing is left to do")
    return sweep.more(count, **changes)


def lead(sweep: SweepFolder) -> int | None:
    """Start the coordinator of a sweep, detached from this terminal; its pid, or None when it has one. One that has
    been told to end is waited for. Raises RunError.
    """
    deadline = time.monotonic() + STARTING_SECONDS
    while sweep.is_led and sweep.is_stopped:
        if time.monotonic() > deadline:
            raise RunError(
                f"{sweep.name} is still being stopped; try again in a minute: dltui sweep resume {sweep.name}"
            )
        time.sleep(0.05)
    if sweep.is_led:
        return None
    sweep.begin_again()
    command = [sys.executable, "-P", "-m", "dltui.core.sweep.coordinator_process", sweep.name]
    places = {"DLTUI_HOME": paths.home(), "DLTUI_CACHE": paths.cache_dir(), "DLTUI_CONFIG": paths.config_file()}
    environment = {**os.environ, **{name: str(path) for name, path in places.items()}, "PYTHONUNBUFFERED": "1"}
    try:
        log = os.open(sweep.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunError(f"cannot write to {clean_line(sweep.path)}: {error.strerror}") from error
    try:
        process = start.new_process(command, environment, log, "coordinator")
    finally:
        os.close(log)
    _COORDINATORS[:] = [process, *(one for one in _COORDINATORS if one.poll() is None)]
    _wait_for(sweep, process)
    return process.pid


def _wait_for(sweep: SweepFolder, process: subprocess.Popen[bytes]) -> None:
    """Wait until the coordinator leads, or has ended, so that whoever looks next sees the truth."""
    deadline = time.monotonic() + STARTING_SECONDS
    while not sweep.is_led and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def stop(sweep: SweepFolder) -> list[str]:
    """Stop a sweep: no trial begins, those that run leave a checkpoint and go on when the sweep does. Returns the names
    of those that could not be reached.
    """
    sweep.stop()
    deadline = time.monotonic() + LEAVING_SECONDS
    while sweep.is_led and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + APPEARING_SECONDS
    return [run.id for run in TrialReader(sweep.name).runs() if not _preempt(run, deadline)]


def unreached(names: Sequence[str]) -> str:
    """What to say of the runs that `stop` could not reach; ""."""
    return f"not reached from this machine: {', '.join(names)}; dltui stop RUN stops them for good" if names else ""


def _preempt(run: RunDirectory, deadline: float) -> bool:
    """End a run as its machine would: it is preempted, not stopped. False when its worker cannot be reached."""
    reader = RunReader(run)
    reader.refresh()
    while not reader.status().over:
        try:
            claim.send_signal(run.path, kill.victim(reader), signal.SIGTERM)
        except (UsageError, RunError):
            # It has ended just now, or has not told of itself yet.
            reader.refresh()
            if time.monotonic() > deadline:
                return reader.status().over
            time.sleep(0.1)
        else:
            return True
    return True


def of_group(name: str | None) -> SweepFolder | None:
    """The sweep with the runs of a group; None for a group of something else."""
    if not name:
        return None
    found = SweepFolder(name)
    with contextlib.suppress(OSError, ValueError):
        return found if found.exists else None
    return None


def remove(sweep: SweepFolder) -> int:
    """Remove a sweep, and its runs so that they can be restored; returns their number. Raises UsageError."""
    from dltui.core.lifecycle import trash

    runs = TrialReader(sweep.name).runs()
    if sweep.is_led:
        raise UsageError(f"{sweep.name} goes on; stop it first: dltui sweep stop {sweep.name}")
    for run in runs:
        trash.check(run)
    place = None
    for run in runs:
        place = trash.discard(run, with_=place)
    fs.remove_dir(sweep.path)
    return len(runs)


def stop_trial(run: RunDirectory) -> None:
    """Stop one trial for good: it is not started again. Raises RunError."""
    commands.send(run.path, "stop", {})


def resume_trial(run: RunDirectory) -> None:
    """Start the worker of a trial that has ended; it waits for its device. Raises UsageError or RunError."""
    from dltui.core.lifecycle import trust
    from dltui.core.lifecycle.resume import prepare

    reader = RunReader(run)
    reader.refresh()
    catalog = trust.catalog(run)
    instead = trust.replaced(run, catalog)
    prepare(reader, catalog, 0, instead)
    start.queue_worker(run, instead=instead)
