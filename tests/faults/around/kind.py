"""The life of runs that are killed, and the table of what was lost: what all kinds share."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from tests.faults.lab import Result, result
from tests.faults.scene import Scene, end_since, incomplete_figures, log_size, untrue
from tests.faults.victim import Orders


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


def finished(run: RunDirectory) -> bool:
    reader = RunReader(run)
    reader.refresh()
    return run.path.exists() and reader.status().name == "finished"


def over(run: RunDirectory) -> bool:
    reader = RunReader(run)
    reader.refresh()
    return not run.path.exists() or reader.status().over
