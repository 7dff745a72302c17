"""A sweep in the middle, as its run directories would tell it, always the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from dltui.core.analysis.trials import space
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.pruning import Curve, reason
from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep.actions import Sweeps
from dltui.core.sweep.view import SweepView

SPACE = (
    Dimension("lr", "float", 0.001, 1.0, True),
    Dimension("batch_size", "int", 16, 256, True),
    Dimension("optimizer", "choice", values=("sgd", "adamw", "lion")),
    Dimension("momentum", "float", 0.0, 0.99),
)
COMMAND = (
    "dltui sweep cnn-torch --lr 0.001..1:log --batch-size 16..256:log --optimizer sgd,adamw,lion --momentum 0..0.99"
)
PLAN = Plan("lab", SPACE, 24, epochs=9, least=1, parallel=2, command=tuple(COMMAND.split()))


def result(values: dict[str, Any], epoch: int) -> float:
    """An accuracy with its best place at lr 0.03 and batches of 64."""
    away = 0.06 * (math.log10(values["lr"]) + 1.5) ** 2 + 0.004 * abs(math.log2(values["batch_size"]) - 6)
    away += {"sgd": 0.0, "adamw": 0.01, "lion": 0.03}[values["optimizer"]]
    return max(0.93 - away - 0.2 / (epoch + 1), 0.1)


def sample_view(root: Path, made: int = 18) -> SweepView:
    """18 of 24 trials, of which two train and one has failed."""
    trials: list[Trial] = []
    time = 0.0
    for number in range(made):
        values = space.draw(SPACE, 5, number)
        scores: dict[int, float] = {}
        times: dict[int, float] = {}
        why = ""
        for epoch in range(1, 10 if number < made - 2 else 3):
            scores[epoch], times[epoch] = result(values, epoch), (time := time + 1)
            why = reason(PLAN, Curve(number, scores), epoch, [one.curve() for one in trials])
            if why and number < made - 2:
                break
        status, over = ("stopped" if why else "finished", True) if number < made - 2 else ("running", False)
        if number == 4:
            status, why = "failed", "the loss is not a finite number at step 12; try lr 0.05"
        trials.append(
            Trial(
                number,
                RunDirectory(root / f"lab-t{number:03d}"),
                values,
                status,
                why,
                f"lab-t{number:03d}",
                "accuracy",
                scores=scores,
                times=times,
                epochs=9,
                tags=("pinned",) if number == made - 1 else (),
                over=over,
            )
        )
    return SweepView(PLAN, tuple(trials), left=True)


class FakeSweeps(Sweeps):
    """Shows one view; what is to be done is noted."""

    def __init__(self, view: SweepView) -> None:
        self.view = view
        self.done: list[tuple[str, object]] = []
        self.unreached = ""
        """What is said of the trials that cannot be stopped."""

    def look(self, name: str) -> SweepView:
        return self.view

    def lead(self, name: str) -> None:
        self.done.append(("lead", name))

    def more(self, name: str, count: int) -> int:
        self.done.append(("more", count))
        return count

    def stop(self, name: str) -> str:
        self.done.append(("stop", name))
        return self.unreached

    def stop_trial(self, run: RunDirectory) -> None:
        self.done.append(("stop_trial", run.id))

    def pin(self, run: RunDirectory, pinned: bool) -> None:
        self.done.append(("pin" if pinned else "unpin", run.id))

    def promote(self, run: RunDirectory) -> None:
        self.done.append(("promote", run.id))

    def resume(self, run: RunDirectory) -> None:
        self.done.append(("resume", run.id))

    def export(self, name: str) -> Path:
        self.done.append(("export", name))
        return Path(f"/home/user/lab/exports/{name}")
