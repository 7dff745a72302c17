"""Decides which trials go on: functions of the values that all trials had after the same number of epochs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan

LEAST_TRIALS = 5
"""The trials that the median must be taken of."""


@dataclass(frozen=True)
class Curve:
    """The best value of a trial after each of its epochs. Higher is better: the reader turns losses around."""

    number: int
    bests: Mapping[int, float]


def reason(plan: Plan, own: Curve, epoch: int, others: Sequence[Curve]) -> str:
    """The reason why a trial does not go on after `epoch` epochs; "" when it does."""
    if plan.pruner == "none" or epoch >= plan.epochs or epoch not in own.bests:
        return ""
    there = [curve for curve in others if epoch in curve.bests]
    if plan.pruner == "median":
        return _by_median(own, epoch, there) if epoch >= plan.first_rung else ""
    if epoch not in rungs(plan, own.number):
        return ""
    bracket = bracket_of(plan, own.number)
    rivals = [curve for curve in there if bracket_of(plan, curve.number) == bracket]
    return _by_rank(own, epoch, rivals, plan.reduction)


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
    return f"pruned at epoch {epoch}: {better + 1} of {count} there, the best {kept if kept > 1 else 'one'} went on"


def _by_median(own: Curve, epoch: int, others: Sequence[Curve]) -> str:
    """The median rule (Golovin et al. 2017): the best value so far is worse than the median of what the others had on
    average until then.
    """
    if len(others) < LEAST_TRIALS:
        return ""
    averages = [statistics.fmean([value for at, value in curve.bests.items() if at <= epoch]) for curve in others]
    if own.bests[epoch] >= statistics.median(averages):
        return ""
    return f"pruned at epoch {epoch}: below the median of {len(others)} others there"


def bracket_of(plan: Plan, number: int) -> int:
    """The bracket of a trial: 0, but for hyperband, whose later brackets begin to decide at later rungs. The shares of
    the brackets are those of Li et al. 2018, dealt out evenly.
    """
    count = len(plan.rungs())
    if plan.pruner != "hyperband" or count < 2:
        return 0
    # A bracket that ends its trials early can afford more of them.
    weights = [plan.reduction ** (count - bracket) / (count - bracket + 1) for bracket in range(count)]
    dealt = [0] * count
    for _ in range(number + 1):
        last = min(range(count), key=lambda bracket: (dealt[bracket] + 1) / weights[bracket])
        dealt[last] += 1
    return last


def rungs(plan: Plan, number: int) -> list[int]:
    """The epochs after which it is decided on a trial."""
    return plan.rungs()[bracket_of(plan, number) :]
