"""What a sweep has found: how the best value rose with the epochs that were spent, and which hyperparameters matter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial

LEAST_TRIALS = 6
"""Trials without which nothing is said about importance."""
_BINS = 4


GOOD = 0.25
"""The share of the trials that are drawn as good ones."""


def good_ones(known: Sequence[Trial]) -> int:
    """The number of trials, the best first, that are drawn as good ones."""
    return max(round(len(known) * GOOD), 1)


def best_so_far(trials: Sequence[Trial]) -> list[tuple[int, float]]:
    """(epochs spent, best value) at each epoch that brought a better one, in the order of time, and at the end."""
    events = sorted(
        (one.times.get(epoch, 0.0), one.number, epoch, value, one.sign)
        for one in trials
        for epoch, value in one.scores.items()
    )
    found: list[tuple[int, float]] = []
    for spent, (_, _, _, value, sign) in enumerate(events, start=1):
        if not found or sign * value > sign * found[-1][1]:
            found.append((spent, value))
    if found and found[-1][0] < len(events):
        found.append((len(events), found[-1][1]))
    return found


def importance(space: Sequence[Dimension], trials: Sequence[Trial]) -> list[tuple[str, float]]:
    """Each hyperparameter with its importance from 0 to 1, the greatest first; [] with too few trials.

    It is the adjusted correlation ratio (epsilon squared, Kelley 1935) of the ranks of the results: the share of their
    variance that lies between the choices, or between four parts of a range, beyond what chance explains. What only
    matters together with something else has none.
    """
    known = [one for one in trials if one.best is not None]
    if len(known) < LEAST_TRIALS:
        return []
    ranks = _ranks([one.sign * (one.best or 0.0) for one in known])
    shares = [(one.name, _ratio(_groups(one, known), ranks)) for one in space]
    return sorted(shares, key=lambda share: -share[1])


def _ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, equal ones share theirs: an outlier counts as any other."""
    order = sorted(values)
    # Half of the way from the first to the last of its equals.
    return [(bisect_left(order, value) + bisect_right(order, value) - 1) / 2 for value in values]


def _groups(dimension: Dimension, trials: Sequence[Trial]) -> list[Any]:
    """The choice of each trial, or the part of the range in which its value lies."""
    values = [one.values.get(dimension.name) for one in trials]
    if dimension.kind == "choice" or len(set(values)) <= _BINS:
        return values
    places = [dimension.place(value) or 0.0 for value in values]
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups = [0] * len(places)
    for rank, index in enumerate(order):
        groups[index] = rank * _BINS // len(places)
    return groups


def _ratio(groups: Sequence[Any], ranks: Sequence[float]) -> float:
    mean = sum(ranks) / len(ranks)
    total = sum((rank - mean) ** 2 for rank in ranks)
    members: dict[Any, list[float]] = {}
    for group, rank in zip(groups, ranks, strict=True):
        members.setdefault(group, []).append(rank)
    inner = sum(sum((rank - sum(of) / len(of)) ** 2 for rank in of) for of in members.values())
    free = len(ranks) - len(members)
    if not total or not free or len(members) < 2:
        return 0.0
    return max(0.0, 1 - (inner / free) / (total / (len(ranks) - 1)))
