"""Kills real workers with SIGKILL at random moments, resumes them, kills them again, and compares how they end.

    python -m tests.faults.kills torch|tensorflow|KIND [--kills N] [--seed N] [--bugs]

Half of the kills come at a random time after the start, half just before a random call of the file system, which is
where commits are. PyTorch is imported once and forked for each attempt; TensorFlow, which cannot be forked, is
imported anew. `ranks` are two of PyTorch on the CPU: the worker, one of them or all are killed; none may be left, and
a worker that lost one must say so. `gathered` are two that a launcher has started, which is killed, too;
`gathered-tensorflow` the same of TensorFlow, and `replicas` is its worker on two devices. `--bugs` plants each bug that
there is, up to the first fault.

Exit code 0: nothing was lost. 1: something was. With --bugs: 0 when each bug was found.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core.catalog import plugin_loader
from dltui.core.data import prepare_process
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import DltuiError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.train.plan import Planner
from tests.faults import victim
from tests.faults.lab import Result, result
from tests.faults.planted import KILLS, Bug

SHIPPED = {"kind": "distribution", "name": "dltui"}
CONFIG = {"epochs": 12, "batch_size": 96, "layers": [24], "dropout": 0.3, "lr": 0.02, "optimizer": "adamw"}
CONFIG |= {"schedule": "cosine", "threads": 1, "checkpoint_seconds": 0.05}
LOST = 130
"""The exit code of a worker that has lost a rank."""
OVER = 1 << 30
"""Stands for the step of a run that has nothing left to do."""
ATTEMPTS = 60
"""After so many a run that was not killed for good must have ended."""


@dataclass
class Table:
    """What is told at the end."""

    runs: int = 0
    kills: int = 0
    resumes: int = 0
    corrupt: int = 0
    lost: int = 0
    diverged: int = 0
    faults: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    """What was killed at a random time, where there is a choice."""

    def note(self, kind: str, text: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        self.faults.append(f"{kind}: {text}")

    def __str__(self) -> str:
        names = ("runs", "kills", "resumes", "corrupt", "lost", "diverged")
        lines = [" ".join(f"{name:>9}" for name in names), " ".join(f"{getattr(self, name):>9,}" for name in names)]
        struck = ", ".join(f"{name} {count}" for name, count in sorted(self.struck.items()))
        return "\n".join([*lines, *([f"killed at a random time: {struck}"] if struck else [])])


def forked(work: Callable[[], int]) -> int:
    """The pid of a fork that does this work; what it returns is its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return pid


class Killer:
    """Lets runs live and die in one folder."""

    config: Mapping[str, Any] = CONFIG
    device: Mapping[str, Any] = {"name": "cpu", "title": "CPU", "uuid": None}
    bugs: Mapping[str, Bug] = KILLS
    loses = False
    """True if a worker may end because it lost a rank."""

    def __init__(self, framework: str, folder: Path, seed: int) -> None:
        self.framework, self.folder = framework, folder
        self.random = random.Random(seed)
        self.table = Table()
        point = ((framework, f"dltui.plugins.{framework}"),)
        self.source = {**SHIPPED, "entry_points": point}
        self.prepared = prepare_process.prepare(self.asked(), lambda text, fraction=None: None)
        self.data = load_prepared(self.prepared)
        if framework == "torch":
            self._warm_up()
        self.expected, self.seconds = self._left_alone()

    @property
    def model(self) -> str:
        return f"mlp-{self.framework}"

    @property
    def model_source(self) -> Mapping[str, Any]:
        """Where the model comes from."""
        return self.source

    def asked(self) -> dict[str, Any]:
        """What the record of a run says of its data."""
        dataset = {**SHIPPED, "entry_points": (("datasets", "dltui.plugins.datasets"),)}
        return {"dataset": "digits", "dataset_source": dataset, "dataset_options": {}}

    def _warm_up(self) -> None:
        """Import, once for all forks, whatever PyTorch imports at a first step."""
        importlib.import_module("torch").set_num_threads(1)
        model = plugin_loader.load_model(self.model_source, self.model)
        config = model.config.model_validate(self.config)
        trainable = plugin_loader.load_backend(self.source, self.framework).trainable(model, config, self.data, "cpu")
        trainable.begin_epoch(Planner(config, len(self.data.train), shape=self.data.spec.input_shape).epoch(0))
        trainable.advance(2)
        trainable.layers()
        trainable.load_state(trainable.state())

    def new_run(self) -> RunDirectory:
        record = {
            "created": time.time(),
            "model": self.model,
            "framework": self.framework,
            "model_source": self.model_source,
            "backend_source": self.source,
            **self.asked(),
            "device": self.device,
            "config": self.config,
        }
        return RunDirectory.create(f"r{self.table.runs}", record)

    def start(self, run: RunDirectory, call: int | None) -> int:
        """The pid of a worker."""
        if self.framework != "torch":
            arguments = [str(run.path), str(self.prepared), json.dumps({"call": call})]
            command = [sys.executable, "-m", "tests.faults.victim", *arguments]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True).pid
        return forked(lambda: victim.work(run.path, self.data, victim.Orders(call)))

    def _left_alone(self) -> tuple[Result, float]:
        """How a run ends that nobody kills, and how long it takes."""
        run, began = self.new_run(), time.monotonic()
        _, status = os.waitpid(self.start(run, None), 0)
        seconds = time.monotonic() - began
        if status:
            raise SystemExit(f"the run does not even end undisturbed:\n{run.worker_log.read_text()[-3000:]}")
        expected = result(run)
        self.finished(run)
        shutil.rmtree(run.path)
        return expected, seconds

    def finished(self, run: RunDirectory) -> None:
        """Is told of the run that nobody killed."""

    def kill(self, kills: int, most_faults: int = 1_000) -> Table:
        """Runs until so many workers have been killed."""
        while self.table.kills < kills and len(self.table.faults) < most_faults:
            self.table.runs += 1
            run = self.new_run()
            self._live(run, kills)
            shutil.rmtree(run.path)
        return self.table

    def _live(self, run: RunDirectory, kills: int) -> None:
        """One run from its start to its end, over as many deaths as come."""
        safe = 0
        for number in range(ATTEMPTS):
            self.table.resumes += bool(number)
            spared = self.table.kills >= kills or number == ATTEMPTS - 1
            status = self._attempt(run, spared)
            if os.WIFSIGNALED(status) or (self.loses and os.waitstatus_to_exitcode(status) == LOST):
                self.table.kills += 1
                safe = self._look(run, safe)
                if safe < OVER:
                    continue
            elif status:
                self.table.note("corrupt", f"an attempt ended with {status}: {why(run)}")
                return
            break
        self._compare(run)

    def _attempt(self, run: RunDirectory, spared: bool) -> int:
        """One worker; its wait status."""
        at_call = self.random.random() < 0.5
        # Some 30 calls at its start and 40 a commit; a heartbeat has three.
        pid = self.start(run, self.random.randrange(200) if at_call and not spared else None)
        if not at_call and not spared:
            ended: list[int] = []

            def done() -> bool:
                found, status = os.waitpid(pid, os.WNOHANG)
                ended.extend([status] if found else [])
                return bool(found)

            self.wait(run, done)
            if ended or done():
                return ended[0]
            self.strike(pid)
        return os.waitpid(pid, 0)[1]

    def wait(self, run: RunDirectory, done: Callable[[], bool]) -> None:
        """Until a random moment, or until the worker is done."""
        deadline = time.monotonic() + self.random.random() * self.seconds
        while time.monotonic() < deadline and not done():
            time.sleep(0.002)

    def strike(self, pid: int) -> None:
        """Kill a worker, or what belongs to it."""
        os.kill(pid, signal.SIGKILL)

    def _look(self, run: RunDirectory, safe: int) -> int:
        """What a killed worker left: everything that it ever committed. Returns the step of the last checkpoint."""
        newest = epochs = 0
        for path in checkpoint.list_checkpoints(run):
            try:
                epochs = checkpoint.load(path)[1]["epoch"]
                newest = int(path.name.split("-")[2])
            except DltuiError as error:
                self.table.note("corrupt", str(error))
        reader = RunReader(run)
        reader.refresh()
        if newest < safe:
            self.table.note("lost", f"step {safe} had a checkpoint, now the last is of step {newest}")
        for number, epoch in self.expected.epochs.items():
            kept = reader.history.epochs.get(number)
            if number <= epochs and (kept is None or (kept.train, kept.validation, kept.step) != epoch):
                self.table.note("lost", f"epoch {number} of {run.id}, whose checkpoint of step {newest} is there")
        status = reader.status().name
        if reader.history.ended is not None and reader.history.ended.status != "interrupted":
            # It died after its last word.
            return OVER
        if status not in ("interrupted", "starting"):
            self.table.note("corrupt", f"a killed run is called {status}")
        return max(safe, newest)

    def _compare(self, run: RunDirectory) -> None:
        came = result(run)
        if came.weights != self.expected.weights:
            self.table.note("diverged", f"final weights {came.weights}, not {self.expected.weights}")
        elif (came.epochs, came.test) != (self.expected.epochs, self.expected.test):
            self.table.note("diverged", "same weights, other epochs or test result")
        if [step for step, _ in came.curve][-1:] != [step for step, _ in self.expected.curve][-1:]:
            self.table.note("lost", "the end of the curve")


def why(run: RunDirectory) -> str:
    reader = RunReader(run)
    reader.refresh()
    ended = reader.history.ended
    return f"{ended.reason if ended else 'no end in the log'}; {run.worker_log.read_text()[-400:]}"


def find_bugs(killer: Callable[[], Killer], kills: int) -> int:
    """Plant one bug after the other; how many were not found."""
    missed = 0
    for name, plant in killer().bugs.items():
        some = killer()
        with plant():
            table = some.kill(kills, most_faults=1)
        missed += not table.faults
        first = table.faults[0] if table.faults else "NOT FOUND"
        print(f"{name}: {first[:100]} ({table.kills} kills)", flush=True)  # noqa: T201
    return missed


KINDS = ("torch", "tensorflow", "ranks", "gathered", "gathered-tensorflow", "replicas")


def killer_of(kind: str) -> Callable[[Path, int], Killer]:
    from tests.faults import rank_kills

    of_several: dict[str, Callable[[Path, int], Killer]] = {
        "ranks": rank_kills.RankKiller,
        "gathered": rank_kills.GatheredKiller,
        "gathered-tensorflow": functools.partial(rank_kills.GatheredKiller, framework="tensorflow"),
        "replicas": rank_kills.ReplicaKiller,
    }
    return of_several.get(kind) or functools.partial(Killer, kind)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        places: dict[str, Any] = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache"}
        with mock.patch.dict(os.environ, {**places, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}):
            if arguments.bugs:
                killers = iter(range(arguments.seed, 1 << 30))
                make = lambda: killer_of(arguments.kind)(Path(folder), next(killers))  # noqa: E731
                return 1 if find_bugs(make, arguments.kills) else 0
            table = killer_of(arguments.kind)(Path(folder), arguments.seed).kill(arguments.kills)
    print("\n".join([*table.faults[:20], str(table)]), flush=True)  # noqa: T201
    return 1 if table.faults else 0


if __name__ == "__main__":
    sys.exit(main())
