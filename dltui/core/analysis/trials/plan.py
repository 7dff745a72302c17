"""The plan of a sweep: what varies, how trials are chosen, which are ended early. Each of its runs carries it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from dltui.core.analysis.trials.space import Dimension, combinations
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

Sampler = Literal["random", "grid", "tpe", "gp"]
PrunerName = Literal["asha", "hyperband", "median", "none"]
SAMPLERS: tuple[str, ...] = get_args(Sampler)
PRUNERS: tuple[str, ...] = get_args(PrunerName)
MOST_TRIALS = 10_000
MOST_PARALLEL = 64
TRIALS = 20
"""The number of trials when none is said."""
PRUNER = "asha"
"""The pruner when none is said, of trials that train for a number of epochs."""
REDUCTION = 3
"""The reduction when none is said."""
SHARED = {
    "test": "trials leave the test split alone; the winner evaluates it: leave --test out",
    "monitor": "trials are compared by one metric: give --monitor one value",
}
"""Hyperparameters that cannot vary, with the reason."""


@dataclass(frozen=True)
class Plan:
    """A sweep as it was asked for."""

    name: str
    space: tuple[Dimension, ...]
    trials: int = TRIALS
    sampler: str = "random"
    pruner: str = PRUNER
    parallel: int = 1
    seed: int = 0
    confirm: int = 0
    """Seeds with which the winner is trained again; 0: its test split is evaluated, and that is all."""
    epochs: int = 1
    """The most epochs of a trial; without meaning where trials train for a time."""
    reduction: int = REDUCTION
    """Of so many trials one goes on at each rung."""
    least: int = 0
    """The epochs of the first rung; 0: by the number of epochs."""
    command: tuple[str, ...] = ()
    timed: bool = False
    """Trials train for a time; nobody knows how many epochs that makes."""

    @property
    def first_rung(self) -> int:
        return self.least or max(1, self.epochs // self.reduction**3)

    @property
    def most_epochs(self) -> int | None:
        """The epochs of all trials, where none is pruned; None where nobody knows: where trials train for a time, or
        their epochs vary.
        """
        varies = any(one.name == "epochs" for one in self.space)
        return None if self.timed or varies else self.trials * self.epochs

    def rungs(self) -> list[int]:
        """The epochs after which it is decided whether a trial goes on."""
        found, epoch = [], self.first_rung
        while epoch < self.epochs and self.pruner != "none":
            found.append(epoch)
            epoch *= self.reduction
        return found

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "space": [one.to_json() for one in self.space], "command": list(self.command)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Plan:
        """The plan of a record. Raises ValueError, TypeError or KeyError for what is none."""
        space = tuple(Dimension.from_json(one) for one in record["space"])
        numbers: dict[str, Any] = {name: int(record[name]) for name in _NUMBERS}
        if record["sampler"] not in SAMPLERS or record["pruner"] not in PRUNERS or not space:
            raise ValueError("no plan")
        if numbers["reduction"] < 2 or numbers["epochs"] < 1 or numbers["least"] < 0:
            raise ValueError("no plan")
        if not 1 <= numbers["parallel"] <= MOST_PARALLEL:
            raise ValueError("no plan")
        command = tuple(clean_line(word, 2000) for word in record["command"])
        name = clean_line(record["name"], 80)
        how: dict[str, Any] = {"sampler": str(record["sampler"]), "pruner": str(record["pruner"])}
        return cls(name, space, **how, command=command, timed=record.get("timed") is True, **numbers)


_NUMBERS = ("trials", "parallel", "seed", "confirm", "epochs", "reduction", "least")


def whole(name: str, value: int, most: int, least: int = 1) -> int:
    """The value, if it is within its limits. Raises UsageError."""
    if not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least} to {most}, got {value}")
    return value


def with_pruner(plan: Plan) -> Plan:
    """The plan with a pruner where it has "", none said. Raises UsageError for one that has no part in it, and for what
    only a pruner needs.
    """
    if plan.timed and plan.pruner not in ("", "none"):
        raise UsageError(
            f"pruner {plan.pruner} decides after some of the epochs, with --max-time nobody knows how many there are: "
            "leave --pruner or --max-time out"
        )
    plan = replace(plan, pruner="none" if plan.timed else plan.pruner or PRUNER)
    if plan.pruner == "none" and (plan.least or plan.reduction != REDUCTION):
        what = "--min-epochs is the first rung" if plan.least else "--reduction is for the rungs"
        why = "--max-time" if plan.timed else "--pruner none"
        raise UsageError(f"{what} of a pruner; with {why} no trial is pruned: leave it out")
    return plan


def check_shared(plan: Plan) -> None:
    """Raise UsageError where a hyperparameter varies that all trials of a new sweep share."""
    for one in plan.space:
        if one.name in SHARED:
            raise UsageError(SHARED[one.name])


def check(plan: Plan) -> Plan:
    """The plan, with no more trials than there are combinations. Raises UsageError."""
    if not plan.space:
        raise UsageError("nothing varies: give a range, such as --lr 0.01..0.3:log or --batch-size 64,256")
    whole("trials", plan.trials, MOST_TRIALS)
    whole("parallel", plan.parallel, MOST_PARALLEL)
    whole("reduction", plan.reduction, 100, 2)
    whole("confirm", plan.confirm, 100, 0)
    whole("min-epochs", plan.least, MOST_TRIALS, 0)
    if plan.least and plan.least >= plan.epochs:
        raise UsageError(f"the first rung is after {plan.least} epochs, a trial has {plan.epochs}")
    most = combinations(plan.space)
    if plan.sampler == "grid":
        most = math.prod(len(one.grid()) for one in plan.space)
        if plan.trials == MOST_TRIALS < most:
            raise UsageError(
                f"the grid has {most:,} trials, a sweep at most {MOST_TRIALS:,}: give fewer values, or --trials for "
                "the first ones"
            )
    return replace(plan, trials=min(plan.trials, most)) if most else plan


def described(plan: Plan) -> str:
    """The plan in one line: `20 trials of lr 0.01..0.3:log, batch_size 64,256; random, asha`."""
    varies = ", ".join(f"{one.name} {one.text()}" for one in plan.space)
    at_once = f", {plan.parallel} at once" if plan.parallel > 1 else ""
    return f"{plan.trials} trials of {varies}; {plan.sampler}, {_pruning(plan)}{at_once}"


def _pruning(plan: Plan) -> str:
    rungs: Sequence[int] = plan.rungs()
    if plan.timed:
        return "none pruned, since each trains for a time"
    if not rungs:
        return "none pruned"
    if plan.pruner == "median":
        return f"median from epoch {plan.first_rung}"
    return f"{plan.pruner} at epoch{'s' if len(rungs) > 1 else ''} {', '.join(map(str, rungs))}"
