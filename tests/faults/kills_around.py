"""Kills what is around a worker with SIGKILL: its processes, forks, the drawing of figures, a series of runs.

    python -m tests.faults.kills_around torch|tensorflow [--kills N] [--kind KIND ...] [--seed N] [--bugs]

`--kills` are shared by the kinds. Half of them come at a random time, half just before a random call of the file
system. After each the state that is shown must be true; then dltui goes on in the way that it names, and must end as
if nobody had killed anything. PyTorch's workers are forked from this process, TensorFlow's start anew. `--bugs` plants
a bug for each kind.

Exit code 0: nothing was lost. 1: something was. With --bugs: 0 when each bug was found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import read_live, read_starting
from dltui.core.rundir.log import LogTail
from tests.faults.lab import Result, result
from tests.faults.planted import AROUND
from tests.faults.scene import Scene, broken_figures, end_since, incomplete_figures, log_size, untrue
from tests.faults.victim import Orders

ATTEMPTS = 3
"""Kills of one run, at most: the others go to fresh ones."""


@dataclass
class Table:
    """What is told of one kind."""

    kind: str
    runs: int = 0
    kills: int = 0
    resumes: int = 0
    lost: int = 0
    diverged: int = 0
    untrue: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)

    NAMES = ("kind", "runs", "kills", "resumes", "lost", "diverged", "untrue", "left")

    def note(self, what: str, texts: str | Sequence[str]) -> None:
        for text in [texts] if isinstance(texts, str) else texts:
            setattr(self, what, getattr(self, what) + 1)
            self.faults.append(f"{self.kind}, {what}: {text}")

    def __str__(self) -> str:
        return " ".join(f"{getattr(self, name):>9}" for name in self.NAMES)


class Kind:
    """One kind of kills. `live` is one life with its deaths; it may kill until the table has `wanted`."""

    name = ""
    epochs = 4
    draws = False

    def __init__(self, scene: Scene) -> None:
        self.scene, self.random = scene, scene.random
        self.table = Table(self.name)
        self.seconds = 0.0
        """How long what is killed takes when it is left alone."""
        self.prepare()

    def prepare(self) -> None:
        """See how it ends when it is left alone."""
        raise NotImplementedError

    def live(self, wanted: int) -> None:
        raise NotImplementedError

    def kill(self, wanted: int, most_faults: int = 1_000) -> Table:
        while self.table.kills < wanted and len(self.table.faults) < most_faults:
            self.table.runs += 1
            self.live(wanted)
        return self.table

    def figures(self) -> str:
        """How a worker draws: forked from this process, or as it is in use."""
        return "forked" if self.scene.framework == "torch" else "process"

    def unharmed(self, orders: Orders, **config: Any) -> Result:
        """How a run of this kind ends."""
        run = self.scene.new_run(f"{self.name}-whole", epochs=self.epochs, **config)
        began = time.monotonic()
        status = self.scene.wait(self.scene.spawn(run, orders))
        self.seconds = time.monotonic() - began
        if status or untrue(run, 0, bool(orders.draws)):
            raise SystemExit(f"{run.id} does not even end undisturbed:\n{run.worker_log.read_text()[-3000:]}")
        return result(run)

    def look(self, run: RunDirectory, offset: int) -> None:
        """Compare the state that is shown with the truth, and see whether all has ended that was started."""
        self.table.note("left", [f"a process of {run.id}: {line}" for line in self.scene.left()])
        if run.path.exists():
            self.table.note("untrue", [f"{run.id}: {line}" for line in untrue(run, offset, self.draws)])

    def compare(self, run: RunDirectory, expected: Result) -> None:
        came = result(run)
        if came.weights != expected.weights:
            self.table.note("diverged", f"{run.id}: final weights {came.weights}, not {expected.weights}")
        elif (came.epochs, came.test) != (expected.epochs, expected.test):
            self.table.note("diverged", f"{run.id}: same weights, other epochs or test result")
        if [step for step, _ in came.curve] != [step for step, _ in expected.curve]:
            self.table.note("lost", f"{run.id}: points of the curve")

    def finish(self, run: RunDirectory, orders: Orders) -> bool:
        """Let a run end that is not over, without a kill; whether it did."""
        while end_since(run, 0) is None or RunReader(run).status().name != "finished":
            self.table.resumes += 1
            offset = log_size(run)
            status = self.scene.wait(self.scene.spawn(run, orders))
            if status or end_since(run, offset) is None:
                self.table.note("lost", f"{run.id} ended with {status}: {run.worker_log.read_text()[-300:]}")
                return False
        return True

    def export(self, run: RunDirectory, expected: bytes) -> None:
        """Draw what is missing, as the state says, and look at all of it."""
        command = self.scene.command("export", run.id)
        if self.scene.wait(command) or incomplete_figures(run):
            self.table.note("lost", f"figures of {run.id}: {incomplete_figures(run)} {self.scene.said()[-300:]}")
        folder = Path(run.run()["exports"])
        self.table.note("untrue", [f"{run.id}, drawn: {line}" for line in untrue(run, 0, True)])
        self.table.note("left", [str(path) for path in folder.glob(".*")])
        if not incomplete_figures(run) and (folder / "model.safetensors").read_bytes() != expected:
            self.table.note("diverged", f"{run.id}: other weights in its figures' folder")

    def forget(self, run: RunDirectory) -> None:
        shutil.rmtree(run.path, ignore_errors=True)
        shutil.rmtree(self.scene.exports / run.id, ignore_errors=True)


class Tree(Kind):
    """A worker with its children, which prepare data, log and draw: all of them, the worker alone, or one of them."""

    name = "tree"
    draws = True
    loggers = ("command=true",)

    def prepare(self) -> None:
        self.calm = Orders(own_data=True, draws=self.figures())
        run = self.scene.new_run("tree-first", self.loggers, epochs=self.epochs)
        self.scene.wait(self.scene.spawn(run, self.calm))
        self.forget(run)
        self.expected = self.unharmed(self.calm)
        self.weights = (self.scene.exports / "tree-whole" / "model.safetensors").read_bytes()

    def live(self, wanted: int) -> None:
        run = self.scene.new_run(f"t{self.table.runs}", self.loggers, epochs=self.epochs)
        for number in range(ATTEMPTS):
            if self.table.kills >= wanted:
                break
            self.table.resumes += bool(number)
            offset = log_size(run)
            self._attempt(run)
            self.look(run, offset)
            if RunReader(run).status().name == "interrupted" and end_since(run, offset):
                self.table.note("untrue", f"{run.id} ended, and is called interrupted")
            if _finished(run):
                break
        if self.finish(run, self.calm):
            self.compare(run, self.expected)
            self.export(run, self.weights)
        self.forget(run)

    def _attempt(self, run: RunDirectory) -> None:
        """One worker that dies, or loses a child."""
        target = self.random.choice(("all", "worker", "child"))
        call = self.random.randrange(220) if target != "child" and self.random.random() < 0.5 else None
        orders = Orders(call, target == "all", own_data=True, draws=self.figures())
        pid = self.scene.spawn(run, orders)
        if call is None:
            self.scene.pause(self.seconds, pid)
            if target == "all":
                self.scene.kill_tree(pid)
            else:
                self.scene.kill([pid] if target == "worker" else self._child(pid))
        self.scene.wait(pid)
        self.table.kills += 1

    def _child(self, pid: int) -> list[int]:
        """A child of the worker, which has one most of the time."""
        self.scene.until(lambda: bool(self.scene.processes(pid)) or self.scene.ended(pid) is not None, 2.0)
        return [self.random.choice(found).pid] if (found := self.scene.processes(pid)) else [pid]


class Fork(Kind):
    """`dltui fork` while it makes the fork and starts its worker, and that worker's first moments."""

    name = "fork"
    changes = ("--epochs", "8", "--lr", "0.01")

    def prepare(self) -> None:
        self.unharmed(Orders())
        self.parent = self.scene.run("fork-whole")
        # What is imported and asked for the first time takes long.
        for name in ("fork-warm", "fork-first"):
            began = time.monotonic()
            if self.scene.wait(self._begin(name, Orders())):
                raise SystemExit(f"no fork: {self.scene.said()}")
            self.seconds = time.monotonic() - began
            self.scene.rest()
        self.scene.left()
        first = self.scene.run("fork-first")
        self.expected, self.born = result(first), _birth_of(first)

    def _begin(self, name: str, orders: Orders) -> int:
        words = ("fork", self.parent.id, *self.changes, "--name", name, "--detach")
        return self.scene.command(*words, orders=orders)

    def live(self, wanted: int) -> None:
        run = self.scene.run(f"f{self.table.runs}")
        if self.random.random() < 0.7:
            self._kill_command(run)
        else:
            self._kill_worker(run)
        if not run.path.exists():
            self.table.resumes += 1
            if self.scene.wait(self._begin(run.id, Orders())):
                self.table.note("lost", f"{run.id} cannot be made again: {self.scene.said()[-300:]}")
                return
            self.scene.until(lambda: _over(run))
            self.scene.left()
        self.table.note("left", [path.name for path in run.path.parent.iterdir() if fs.is_temp(path.name)])
        if self.finish(run, Orders()):
            self.compare(run, self.expected)
        self.forget(run)

    def _kill_command(self, run: RunDirectory) -> None:
        call = self.random.randrange(150) if self.random.random() < 0.5 else None
        pid = self._begin(run.id, Orders(call))
        if call is None:
            self.scene.pause(self.seconds, pid)
            self.scene.kill([pid])
        self.scene.wait(pid)
        self.table.kills += 1
        # Its worker, if there is one, knows nothing of it.
        self.scene.rest()
        self._look_at_birth(run)

    def _kill_worker(self, run: RunDirectory) -> None:
        self.scene.orders = Orders(self.random.randrange(120))
        self.scene.wait(self._begin(run.id, Orders()))
        self.scene.orders = Orders()
        self.scene.rest()
        self.table.kills += 1
        self._look_at_birth(run)

    def _look_at_birth(self, run: RunDirectory) -> None:
        """A fork is whole or absent."""
        self.look(run, 0)
        if not run.path.exists():
            return
        born, first = _birth_of(run), self.born
        if born[0][: len(first[0])] != first[0] or (born[1] and born[1][-1] < first[1][0]) or not born[1]:
            self.table.note("lost", f"{run.id} began with {born}, not {first}")


def _birth_of(run: RunDirectory) -> tuple[list[Any], list[int]]:
    """The events of a fork before its first attempt of its own, and the steps of its checkpoints."""
    records = LogTail(run.events_path).read()
    told = [(record["type"], record.get("step")) for record in records]
    ends = [number for number, record in enumerate(records) if record.get("text", "").startswith("forked from")]
    steps = [int(path.name.split("-")[2]) for path in checkpoint.list_checkpoints(run) if _loads(path)]
    return told[: ends[-1] + 1 if ends else len(told)], steps


def _loads(path: Path) -> bool:
    try:
        return bool(checkpoint.load(path))
    except DltuiError:
        return False


class Figures(Kind):
    """A worker that draws its figures, the process in which it does, and `dltui export`."""

    name = "figures"
    epochs = 2
    draws = True

    def prepare(self) -> None:
        self.calm = Orders(draws=self.figures())
        self.expected = self.unharmed(self.calm)
        whole = self.scene.run("figures-whole")
        self.weights = (self.scene.exports / whole.id / "model.safetensors").read_bytes()
        began = time.monotonic()
        self.scene.wait(self.scene.command("export", whole.id))
        self.seconds = time.monotonic() - began

    def live(self, wanted: int) -> None:
        run = self.scene.new_run(f"d{self.table.runs}", epochs=self.epochs)
        self._kill_worker(run)
        self._look(run)
        if self.table.kills < wanted and self.random.random() < 0.6:
            self._kill_export(run)
            self._look(run)
        self.compare(run, self.expected)
        self.export(run, self.weights)
        self.forget(run)

    def _look(self, run: RunDirectory) -> None:
        self.look(run, 0)
        self.table.note("lost", [f"{run.id}: {name} is cut off" for name in broken_figures(run)])

    def _kill_worker(self, run: RunDirectory) -> None:
        call, draw_call = None, None
        if self.random.random() < 0.5:
            call, draw_call = self.random.choice(((self.random.randrange(8), None), (None, self.random.randrange(60))))
        pid = self.scene.spawn(run, Orders(call, late=True, draws=self.figures(), draw_call=draw_call))
        if call is None and draw_call is None:
            self.scene.until(lambda: end_since(run, 0) is not None)
            # Its first moments are those in which little of it is written.
            self.scene.pause(self.seconds * self.random.random() ** 2, pid)
            target = self.random.choice((self.scene.kill_tree, self._kill_child, lambda pid: self.scene.kill([pid])))
            target(pid)
        self.scene.wait(pid)
        self.table.kills += 1

    def _kill_child(self, pid: int) -> None:
        self.scene.kill([child.pid for child in self.scene.processes(pid)] or [pid])

    def _kill_export(self, run: RunDirectory) -> None:
        draw_call = self.random.randrange(60) if self.random.random() < 0.5 else None
        pid = self.scene.command("export", run.id, orders=Orders(draw_call=draw_call))
        if draw_call is None:
            self.scene.pause(self.seconds, pid)
            self.random.choice((self.scene.kill_tree, self._kill_child))(pid)
        self.scene.wait(pid)
        self.table.kills += 1


class Series(Kind):
    """Runs of several seeds: the command that makes and starts them, any of them, or all at once."""

    name = "series"
    epochs = 3
    seeds = (1, 2, 3)

    def prepare(self) -> None:
        began = time.monotonic()
        if self.scene.wait(self._begin("whole")):
            raise SystemExit(f"no series: {self.scene.said()}")
        runs = self._runs("whole")
        self.scene.until(lambda: all(map(_finished, runs)))
        self.scene.left()
        self.seconds = time.monotonic() - began
        self.expected = [result(run) for run in runs]

    def _begin(self, group: str, orders: Orders = Orders()) -> int:  # noqa: B008
        words = ["train", f"mlp-{self.scene.framework}", "--dataset", "digits", "--device", "cpu", "--threads", "1"]
        words += ["--epochs", str(self.epochs), "--checkpoint-seconds", "0.05", "--exports", str(self.scene.exports)]
        words += ["--name", group, "--seeds", ",".join(map(str, self.seeds)), "--detach"]
        return self.scene.command(*words, orders=orders)

    def _runs(self, group: str) -> list[RunDirectory]:
        return [self.scene.run(f"{group}-s{seed}") for seed in self.seeds]

    def live(self, wanted: int) -> None:
        group = f"g{self.table.runs}"
        runs = self._runs(group)
        self._kill_one(runs, partial(self._begin, group))
        self._look(runs)
        if self.table.kills < wanted and self.random.random() < 0.5 and any(run.path.exists() for run in runs):
            self._kill_one(runs, partial(self._resume, group))
            self._look(runs)
        if any(run.path.exists() for run in runs):
            self.table.resumes += 1
            if self.scene.wait(self._resume(group)):
                self.table.note("lost", f"resume {group}: {self.scene.said()[-300:]}")
        self.scene.until(lambda: all(_over(run) for run in runs))
        self._look(runs)
        for run, expected in zip(runs, self.expected, strict=True):
            # The command was killed before it had made all of them, and has started none.
            if run.path.exists():
                reader = RunReader(run)
                reader.refresh()
                if reader.status().name != "finished":
                    self.table.note("lost", f"{run.id} is {reader.status()}: {run.worker_log.read_text()[-300:]}")
                self.compare(run, expected)
                self.forget(run)

    def _resume(self, group: str, orders: Orders = Orders()) -> int:  # noqa: B008
        return self.scene.command("resume", group, "--detach", orders=orders)

    def _kill_one(self, runs: Sequence[RunDirectory], begin: Callable[[Orders], int]) -> None:
        """Start them, and kill something."""
        target = self.random.choice(("command", "member", "all"))
        call = self.random.randrange(150) if target == "command" and self.random.random() < 0.5 else None
        pid = begin(Orders(call))
        if call is None:
            if target != "command":
                self.scene.wait(pid)
            self.scene.until(lambda: target == "command" and bool(self.scene.ended(pid)), self._moment(target))
            self.scene.kill([pid] if target == "command" else self._workers(runs, target))
        self.scene.wait(pid)
        self.table.kills += 1

    def _moment(self, target: str) -> float:
        return self.random.random() * (0.5 if target == "command" else self.seconds)

    def _workers(self, runs: Sequence[RunDirectory], target: str) -> list[int]:
        living = {one.pid for one in self.scene.processes()}
        pids = [pid for run in runs if (pid := _worker(run)) in living]
        return pids if target == "all" or not pids else [self.random.choice(pids)]

    def _look(self, runs: Sequence[RunDirectory]) -> None:
        """Those that were not killed go on by themselves."""
        self.scene.rest()
        for run in runs:
            self.look(run, 0)


def _worker(run: RunDirectory) -> int | None:
    found = read_starting(run.path) or read_live(run.path)
    return found.process.pid if found else None


def _finished(run: RunDirectory) -> bool:
    reader = RunReader(run)
    reader.refresh()
    return run.path.exists() and reader.status().name == "finished"


def _over(run: RunDirectory) -> bool:
    reader = RunReader(run)
    reader.refresh()
    return not run.path.exists() or reader.status().over


KINDS: tuple[type[Kind], ...] = (Tree, Fork, Figures, Series)


def find_bugs(make: Callable[[], Scene], kinds: Sequence[type[Kind]], kills: int) -> int:
    """Plant a bug for each kind; how many were not found."""
    missed = 0
    for kind in kinds:
        name, plant = AROUND[kind.name]
        there = kind(make())
        with plant():
            table = there.kill(kills, most_faults=1)
        missed += not table.faults
        first = table.faults[0] if table.faults else "NOT FOUND"
        print(f"{name}: {first[:150]} ({table.kills} kills)", flush=True)  # noqa: T201
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("torch", "tensorflow"))
    parser.add_argument("--kills", type=int, default=240)
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if kind.name in (arguments.kind or kind.name)]
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        places = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache"}
        with mock.patch.dict(os.environ, {**places, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}):
            scene = Scene(arguments.framework, Path(folder), arguments.seed)
            if arguments.bugs:
                return 1 if find_bugs(lambda: scene, kinds, arguments.kills) else 0
            for number, kind in enumerate(kinds):
                share = (arguments.kills + number) // len(kinds)
                tables.append(kind(scene).kill(share))
                print("\n".join([*tables[-1].faults[:20], f"{tables[-1]}"]), flush=True)  # noqa: T201
    faults = [fault for table in tables for fault in table.faults]
    heading = " ".join(f"{name:>9}" for name in Table.NAMES)
    print("\n".join([heading, *map(str, tables)]), flush=True)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
