"""Crashes at every call of a run: what is then on the disk is inspected, resumed, compared with an unhurt run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.reading.reader import PREDICTIONS, RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from tests.faults.disk import Call, Recorder, SimulatedDisk, crashes
from tests.faults.lab import Lab, Result, noting_commits, result


@dataclass
class Recording:
    """A run from its first call to its last."""

    run: RunDirectory
    before: Path
    trace: list[Call]
    result: Result


def record(lab: Lab, **config: Any) -> Recording:
    run, before = lab.new_run(**config), lab.place()
    shutil.copytree(run.path, before)
    recorder = Recorder()
    with fs.use(recorder), noting_commits(recorder.trace):
        assert lab.work(run) == 0
    return Recording(run, before, recorder.trace, result(run))


@dataclass
class Sweep:
    """How many crashes were tried, how many of them left a disk that none before had left, and what went wrong."""

    points: int = 0
    tried: int = 0
    faults: list[str] = field(default_factory=list)


def sweep(
    lab: Lab, recording: Recording, expected: Result, first: int = 0, most_faults: int = 1_000, every: int = 1
) -> Sweep:
    """Crash before every call from number `first` on, or before a part of them, in every way, and after the last."""
    found = Sweep()
    disk = SimulatedDisk(recording.run.path)
    disk.top = SimulatedDisk(recording.before).top
    seen: set[int] = set()
    safe = 0
    for number, call in enumerate([*recording.trace, ("end",)]):
        for kind, choose in (
            crashes(seed=number) if number >= first and number % every == 0 and call[0] != "saved" else ()
        ):
            found.points += 1
            digest = hash((safe, disk.digest(choose())))
            if digest in seen:
                continue
            seen.add(digest)
            found.tried += 1
            place = lab.place()
            disk.after_crash(choose(), place)
            where = f"{kind} before call {number} ({call[0]} {getattr(call[-1], 'name', '')})"
            found.faults += [f"{where}: {fault}" for fault in examine(lab, RunDirectory(place), safe, expected)]
            shutil.rmtree(place)
            if len(found.faults) >= most_faults:
                return found
        safe = call[1] if call[0] == "saved" else safe
        disk.apply(call)
    return found


def examine(lab: Lab, run: RunDirectory, safe: int, expected: Result) -> list[str]:
    """What is wrong with a run after a crash, when a checkpoint at step `safe` was said to be on the disk."""
    faults = _look(run, safe, expected)
    if not faults:
        faults = _resume(lab, run, expected)
    return faults


def _look(run: RunDirectory, safe: int, expected: Result) -> list[str]:
    faults: list[str] = []
    try:
        found = checkpoint.load_latest(run, lambda text: faults.append(f"corrupt: {text}"))
        step = int(found.name.split("-")[2]) if found else 0
        if step < safe:
            faults.append(f"lost: the checkpoint of step {safe} was safe, the newest is of step {step}")
        best = (found.loop_state.get("best") if found else None) or {}
        if best and checkpoint.load_best(run).name.split("-")[2] != f"{best['step']:08d}":
            faults.append(f"lost: the best checkpoint, of step {best['step']}")
        reader = RunReader(run)
        reader.refresh()
        epochs = {number: (kept.train, kept.validation, kept.step) for number, kept in reader.history.epochs.items()}
        for number, epoch in expected.epochs.items():
            if found and number <= found.loop_state["epoch"] and epochs.get(number) != epoch:
                faults.append(f"lost: epoch {number} of the log, whose checkpoint is there")
        for name in PREDICTIONS:
            reader.predictions(name)
        _ = reader.run
    except DltuiError as error:
        faults.append(f"corrupt: {error}")
    return faults


def _resume(lab: Lab, run: RunDirectory, expected: Result) -> list[str]:
    code = lab.work(run)
    if code:
        return [f"diverged: the resumed run ended with code {code}"]
    came = result(run)
    faults = []
    if came.weights != expected.weights:
        faults.append("diverged: other final weights")
    if (came.epochs, came.test) != (expected.epochs, expected.test):
        faults.append("diverged: other epochs or test result")
    if [step for step, _ in came.curve] != [step for step, _ in expected.curve]:
        faults.append("lost: points of the curve")
    elif came.curve != expected.curve:
        faults.append("diverged: another curve")
    leftovers = [path.name for path in run.checkpoints_dir.iterdir() if fs.is_temp(path.name)]
    return faults + [f"left over: {name}" for name in leftovers]
