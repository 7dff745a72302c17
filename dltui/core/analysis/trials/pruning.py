"""Decides which trials go on: functions of the values that all trials had after the same number of epochs."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan

LEAST_TRIALS = 5
"""The trials that the median must be taken of."""


@dataclass(frozen=True)
class Curve:
    """The value of a trial after each of its epochs. Higher is better: the reader turns losses around."""

    number: int
    values: Mapping[int, float]

    @cached_property
    def bests(self) -> Mapping[int, float]:
        """The best value so far after each of its epochs."""
        epochs = sorted(self.values)
        return dict(zip(epochs, itertools.accumulate((self.values[epoch] for epoch in epochs), max), strict=True))


def reason(plan: Plan, own: Curve, epoch: int, others: Sequence[Curve]) -> str:
    """The reason why a trial does not go on after `epoch` epochs; "" when it does."""
    if epoch not in own.bests or not decides(plan, own.number, epoch):
        return ""
    there = [curve for curve in others if epoch in curve.bests]
    if plan.pruner == "median":
        return _by_median(own, epoch, there)
    dealt = _brackets(plan, max([own.number, *(curve.number for curve in there)]) + 1)
    rivals = [curve for curve in there if dealt[curve.number] == dealt[own.number]]
    return _by_rank(own, epoch, rivals, plan.reduction)


def decides(plan: Plan, number: int, epoch: int) -> bool:
    """True if it is decided after `epoch` epochs whether a trial goes on."""
    if plan.pruner == "none" or epoch >= plan.epochs:
        return False
    return epoch >= plan.first_rung if plan.pruner == "median" else epoch in rungs(plan, number)


def _by_rank(own: Curve, epoch: int, rivals: Sequence[Curve], reduction: int) -> str:
    """Asynchronous successive halving, its stopping form (Li et al. 2020, https://arxiv.org/abs/1810.05934): the best
    of `reduction` go on, ties by the earlier trial.
    """
    mine = own.bests[epoch]
    better = sum(
        curve.bests[epoch] > mine or (curve.bests[epoch] == mine and curve.number < own.number) for curve in rivals
    )
    count = len(rivals) + 1
    kept = max(count // reduction, 1)
    if better < kept:
        return ""
    best = f"best {kept} go" if kept > 1 else "best goes"
    return f"pruned at epoch {epoch}: ranked {better + 1} of {count} trials there; the {best} on"


def _by_median(own: Curve, epoch: int, others: Sequence[Curve]) -> str:
    """The median rule (Golovin et al. 2017): the best value so far is worse than the median of what the others had on
    average until then.
    """
    if len(others) < LEAST_TRIALS:
        return ""
    averages = [statistics.fmean([value for at, value in curve.values.items() if at <= epoch]) for curve in others]
    if own.bests[epoch] >= statistics.median(averages):
        return ""
    return f"pruned at epoch {epoch}: below the median of {len(others)} others there"


def bracket_of(plan: Plan, number: int) -> int:
    """The bracket of a trial: 0, but for hyperband, whose later brackets begin to decide at later rungs. The shares of
    the brackets are those of Li et al. 2018, dealt out evenly.
    """
    return _brackets(plan, number + 1)[number]


def _brackets(plan: Plan, trials: int) -> list[int]:
    """The brackets of the first trials."""
    count = len(plan.rungs())
    if plan.pruner != "hyperband" or count < 2:
        return [0] * trials
    # A bracket that ends its trials early can afford more of them.
    weights = [plan.reduction ** (count - bracket) / (count - bracket + 1) for bracket in range(count)]
    found, dealt = [], [0] * count
    for _ in range(trials):
        found.append(min(range(count), key=lambda bracket: (dealt[bracket] + 1) / weights[bracket]))
        dealt[found[-1]] += 1
    return found


def rungs(plan: Plan, number: int) -> list[int]:
    """The epochs after which it is decided on a trial."""
    return plan.rungs()[bracket_of(plan, number) :]
