"""Kills the coordinator and the workers of a sweep with SIGKILL at random moments.

    python -m tests.faults.sweeps torch|tensorflow [--kills N] [--trials N] [--pruner P] [--sampler S] [--bugs]

The sweep must end with the trials, bit for bit, of one that nobody disturbed: the same values, the same epochs and
weights, pruned at the same epochs, the same winner with the same test result. PyTorch's processes are forked from this
one, which has imported the framework; TensorFlow's start anew. `--bugs` plants bugs, each of which must be found.

Exit code 0: nothing was lost. 1: something was. With --bugs: 0 when each bug was found.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from dltui.core import paths
from dltui.core.analysis.trials import pruning, space, trial
from dltui.core.analysis.trials.plan import Plan
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep import coordinator, coordinator_process
from dltui.core.sweep import start as sweep_start
from dltui.core.sweep.folder import SweepFolder
from dltui.core.sweep.view import look
from dltui.core.worker import attempt, worker_process
from dltui.core.worker.waiting import device_queue
from tests.faults.kills import Killer
from tests.faults.lab import Prepared, Result, result

_BECOME_SUBREAPER = 36
LONGEST = 900.0
LR = space.Dimension("lr", "float", 0.001, 1.0, log=True)
LAYERS = space.Dimension("layers", "choice", values=((24,), (16, 16)))


@dataclass(frozen=True)
class Outcome:
    """What a trial came to, without what two runs of the same may differ in."""

    values: dict[str, Any]
    standing: str
    why: str
    result: Result


@dataclass
class Forked:
    """A process that was forked, in place of a Popen."""

    pid: int

    def poll(self) -> int | None:
        return None


class Place:
    """The processes of the sweeps in one home."""

    def __init__(self, framework: str, folder: Path, seed: int) -> None:
        self.framework, self.random = framework, random.Random(seed)
        self.data = Killer(framework, folder, seed).data
        found = (load_catalog() for _ in range(10))
        self.catalog: Catalog = next(catalog for catalog in found if f"mlp-{framework}" in catalog.models)
        self.exports = folder / "exports"
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
        if framework == "torch":
            start.new_process = self._worker  # type: ignore[assignment]

    def create(self, name: str, plan: Plan) -> SweepFolder:
        config = {"epochs": 9, "batch_size": 96, "dropout": 0.3, "optimizer": "adamw", "threads": 1}
        config |= {"schedule": "cosine", "checkpoint_seconds": 0.05}
        request = RunRequest(
            model=f"mlp-{self.framework}",
            dataset="digits",
            device="cpu",
            config=config,
            name=name,
            exports=str(self.exports),
            formats=("none",),
        )
        return sweep_start.create(plan, request, self.catalog)

    def lead(self, folder: SweepFolder) -> int:
        """Start a coordinator; its pid."""

        def work() -> int:
            log = os.open(folder.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            for fd in (1, 2):
                os.dup2(log, fd)
            coordinator.POLL_SECONDS = 0.02
            coordinator_process.load_catalog = lambda plugins: self.catalog  # type: ignore[attr-defined]
            return coordinator_process.main([folder.name])

        return self._fork(work)

    def _worker(self, command: list[str], environment: dict[str, str], log: int) -> Any:
        run, words = command[4], command[5:]

        def work() -> int:
            for fd in (1, 2):
                os.dup2(log, fd)
            attempt.Preparation = functools.partial(Prepared, self.data)  # type: ignore[misc, assignment]
            device_queue.POLL_SECONDS = 0.02
            # A worker that is killed before it has its place is waited for by the next.
            device_queue.STARTUP_SECONDS = 1.0
            return worker_process.main([run, *words])

        return Forked(self._fork(work, environment))

    def _fork(self, work: Callable[[], int], environment: dict[str, str] | None = None) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            os.setsid()
            os.environ.update(environment or {})
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def living(self) -> list[int]:
        """All processes that this one has started, directly or not, and that live."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        found = []
        for one in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one.pid)
        return found

    def kill(self, pid: int, target: str) -> None:
        """Kill the coordinator, its workers, or all of them."""
        living = self.living()
        workers = [one for one in living if one != pid]
        chosen = {"coordinator": [pid], "worker": workers, "all": [*workers, pid]}[target]
        for one in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def finish(place: Place, folder: SweepFolder, kills: int, apart: float) -> tuple[int, float]:
    """See a sweep to its end with so many kills: each when a random number of trials has been made, and a random time
    of up to `apart` seconds later. Returns how many came before its end, and the seconds.
    """
    began, done, pid = time.monotonic(), 0, place.lead(folder)
    moments = sorted(place.random.randrange(folder.plan().trials) for _ in range(kills))
    due: float | None = None
    while True:
        if pid not in place.living():
            if not look(folder.name).left:
                while place.living():
                    # The winner draws its figures.
                    time.sleep(0.05)
                return done, time.monotonic() - began
            pid = place.lead(folder)
        if time.monotonic() - began > LONGEST:
            raise SystemExit(f"{folder.name} does not end: {folder.log_path.read_text()[-2000:]}")
        if due is None and done < kills and _made(folder.name) > moments[done]:
            due = time.monotonic() + place.random.random() * apart
        if due is not None and time.monotonic() >= due:
            place.kill(pid, place.random.choice(("coordinator", "worker", "all")))
            done, due = done + 1, None
        time.sleep(0.005)


def _made(name: str) -> int:
    """The number of trials that there are."""
    return sum(run.name.startswith(f"{name}-t") for run in paths.runs_dir().iterdir())


def outcomes(name: str) -> dict[int, Outcome]:
    return {
        one.number: Outcome(dict(one.values), one.standing(), one.why, result(one.run))
        for one in trial.TrialReader(name).trials()
    }


def differences(expected: dict[int, Outcome], found: dict[int, Outcome]) -> Iterator[str]:
    for number in sorted(expected.keys() | found.keys()):
        before, after = expected.get(number), found.get(number)
        if before is None or after is None:
            yield f"trial {number} is {'missing' if after is None else 'one too many'}"
        elif before.values != after.values:
            yield f"trial {number} has other values: {after.values}, not {before.values}"
        elif (before.standing, before.why) != (after.standing, after.why):
            yield f"trial {number}: {after.standing} ({after.why}), not {before.standing} ({before.why})"
        elif before.result != after.result:
            yield f"trial {number}: other epochs, curve, weights or test result"


def _attempts(run: RunDirectory) -> int:
    reader = RunReader(run)
    reader.refresh()
    return reader.history.attempts_started


def forget(name: str, folder: SweepFolder) -> None:
    for run in trial.TrialReader(name).runs():
        shutil.rmtree(run.path)
    shutil.rmtree(folder.path)


def disturbed(place: Place, plan: Plan, name: str, expected: dict[int, Outcome], kills: int, apart: float) -> list[str]:
    """The differences that kills made."""
    folder = place.create(name, plan)
    done, seconds = finish(place, folder, kills, apart)
    found = outcomes(name)
    faults = list(differences(expected, found))
    attempts = sum(_attempts(one.run) for one in trial.TrialReader(name).trials())
    print(f"{name}: {done} kills in {seconds:.0f} s, {attempts} attempts, {len(faults)} differences", flush=True)  # noqa: T201
    forget(name, folder)
    return faults


def _unseeded(*arguments: Any) -> dict[str, Any]:
    return {"lr": LR.at(random.SystemRandom().random()), "layers": (24,)}


def _by_chance(*arguments: Any) -> str:
    return "pruned at epoch 1: by chance" if os.getpid() % 2 else ""


BUGS = {
    "values are drawn anew by each coordinator": lambda: mock.patch.object(space, "draw", _unseeded),
    "trials are judged by chance": lambda: mock.patch.object(pruning, "_by_rank", _by_chance),
}


def find_bugs(place: Place, plan: Plan, expected: dict[int, Outcome], apart: float) -> int:
    missed = 0
    for number, (bug, plant) in enumerate(BUGS.items()):
        with plant():
            faults = disturbed(place, plan, f"b{number}", expected, 3, apart)
        missed += not faults
        print(f"{bug}: {faults[0] if faults else 'NOT FOUND'}", flush=True)  # noqa: T201
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("torch", "tensorflow"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--pruner", default="asha")
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache"}
        with mock.patch.dict(os.environ, {**places, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}):
            place = Place(asked.framework, Path(folder), asked.seed)
            plan = Plan("", (LR, LAYERS), asked.trials, asked.sampler, asked.pruner, seed=asked.seed)
            whole = place.create("whole", plan)
            _, seconds = finish(place, whole, 0, 0)
            expected = outcomes("whole")
            standings = {one.standing for one in expected.values()}
            print(f"undisturbed: {len(expected)} trials in {seconds:.0f} s: {', '.join(sorted(standings))}", flush=True)  # noqa: T201
            apart = 1.5 * seconds / asked.trials
            if asked.bugs:
                return 1 if find_bugs(place, plan, expected, apart) else 0
            faults = disturbed(place, plan, "killed", expected, asked.kills, apart)
            print("\n".join(faults[:20]), flush=True)  # noqa: T201
            lost = len(expected) != asked.trials or any(one.standing == "failed" for one in expected.values())
            return 1 if faults or lost else 0


if __name__ == "__main__":
    sys.exit(main())
