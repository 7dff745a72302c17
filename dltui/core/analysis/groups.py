"""Folds the runs of a group into a single row: their mean and their spread."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltui.core.reading.status import OVER

Row = Mapping[str, Any]
TELLING = ("running", "starting", "paused", "silent", "queued", "failed", "interrupted", "preempted", "stopped")


@dataclass(frozen=True)
class Spread:
    """The mean and sample standard deviation of `count` values; the deviation of a single value is None."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """The rows (`summary_row`) of the runs that share a group, newest first."""

    name: str
    rows: tuple[Row, ...]

    def best(self) -> Spread | None:
        """The mean and spread of the runs' best values of the monitored metric."""
        return spread(row.get("best") for row in self.rows)

    def test(self, metric: str) -> Spread | None:
        return spread((row.get("test") or {}).get(metric) for row in self.rows)

    @property
    def status(self) -> str:
        """The common status; of different ones that of a live run, else of a run that is not finished."""
        return status(str(row["status"]) for row in self.rows)

    @property
    def standing(self) -> str:
        return standing(self.name, [str(row["status"]) for row in self.rows])


def status(of_runs: Iterable[str]) -> str:
    """The status that stands for several runs: that of a live run before that of one that has ended; `finished` when
    all are.
    """
    found = set(of_runs)
    return next((word for word in TELLING if word in found), "finished")


def standing(name: str, of_runs: Sequence[str]) -> str:
    """`2 of 3 finished, interrupted: dltui resume lab`; "" for a group that is finished or goes on."""
    word = status(of_runs)
    if word == "finished" or word not in OVER:
        return ""
    return f"{of_runs.count('finished')} of {len(of_runs)} finished, {word}: dltui resume {name}"


def spread(values: Iterable[float | None]) -> Spread | None:
    """The mean and deviation of the values that are not None; None without values."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def fold(rows: Sequence[Row]) -> list[Row | Group]:
    """Replace the runs of each group by a `Group` at the place of its newest run; a group with a single run stays a
    plain row.
    """
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(str(row.get("group") or ""), []).append(row)
    folded: list[Row | Group] = []
    for row in rows:
        name = str(row.get("group") or "")
        if not name or len(members[name]) == 1:
            folded.append(row)
        elif members[name][0] is row:
            folded.append(Group(name, tuple(members[name])))
    return folded
