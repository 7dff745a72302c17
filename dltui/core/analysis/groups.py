"""Folds the runs of a group into a single row: their mean and their spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltui.core.reading.status import OVER
from dltui.core.tasks.monitor import LOSS
from dltui.core.tasks.registry import lowest_is_best

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
    missing: tuple[int, ...] = ()
    """The seeds for which no run was made."""

    def best(self) -> Spread | None:
        """The mean and spread of the runs' best values of the monitored metric."""
        return spread(row.get("best") for row in self.rows if row.get("metric") == self.metric)

    def test(self, metric: str) -> Spread | None:
        return spread((row.get("test") or {}).get(metric) for row in self.rows)

    @property
    def is_sweep(self) -> bool:
        """True if its runs are trials with different values, of which the best counts."""
        return bool(self.rows and self.rows[0].get("sweep"))

    @property
    def metric(self) -> str:
        """The monitored metric of the runs; "loss" before the first of them has begun."""
        return shared(row.get("metric") for row in self.rows) or LOSS

    def leader(self) -> Row:
        """The row with the best value, of equals the oldest, as `trial.order` has it; the newest one without any."""
        of_metric = [row for row in reversed(self.rows) if row.get("metric") == self.metric]
        known = [row for row in of_metric if isinstance(row.get("best"), (int, float))]
        return min(known, key=_rank, default=self.rows[0])

    @property
    def status(self) -> str:
        """The common status; of different ones that of a live run, else of a run that is not finished."""
        return status(self._statuses(), self.missing, self.is_sweep)

    @property
    def standing(self) -> str:
        return standing(self.name, self._statuses(), self.missing, self.is_sweep)

    def _statuses(self) -> list[str]:
        return [str(row["status"]) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows) + len(self.missing)


def _rank(row: Row) -> float:
    """The best value of a row, such that the lowest is best."""
    least = lowest_is_best(str(row["metric"]), row.get("mode"))
    return float(row["best"] if least else -row["best"])


def shared(metrics: Iterable[str | None]) -> str:
    """The metric by which runs of one monitor are compared; "" before the first of them has begun. The loss stands in
    for a metric that has no value, which is then worse than any value that another run has.
    """
    known = [name for name in metrics if name]
    return next((name for name in known if name != LOSS), known[0] if known else "")


def status(of_runs: Iterable[str], missing: Sequence[int] = (), trials: bool = False) -> str:
    """The status that stands for several runs: that of a live run before that of one that has ended; `finished` when
    all are. Runs that are `missing` were interrupted. Of `trials` those that failed or were stopped have ended as a
    sweep has it: nothing is left to do.
    """
    found = {*of_runs, *(["interrupted"] if missing else [])} - ({"failed", "stopped"} if trials else set())
    return next((word for word in TELLING if word in found), "finished")


def standing(name: str, of_runs: Sequence[str], missing: Sequence[int] = (), trials: bool = False) -> str:
    """`2 of 3 finished, interrupted: dltui resume lab`; "" for a group that is finished or goes on. One of another host
    is called HOST:GROUP; `trials` is the argument of `status`.
    """
    word = status(of_runs, missing, trials)
    if word == "finished" or word not in OVER:
        return ""
    listed = ", ".join(map(str, missing))
    without = f", seed{'s' if len(missing) > 1 else ''} {listed} without a run" if missing else ""
    whole = len(of_runs) + len(missing)
    host, _, there = name.rpartition(":")
    command = f"ssh {host} dltui resume {there}" if host else f"dltui resume {name}"
    return f"{of_runs.count('finished')} of {whole} finished, {word}{without}: {command}"


def missing_seeds(members: Iterable[tuple[str, object, Sequence[int]]]) -> dict[str, tuple[int, ...]]:
    """The seeds without a run of each series whose maker was killed, from the group, the seed and the seeds of the
    whole series of each run.
    """
    wanted: dict[str, dict[int, None]] = {}
    present: set[tuple[str, object]] = set()
    for group, seed, of_group in members:
        if isinstance(seed, int):
            # A run.json of another hand may hold anything.
            present.add((group, seed))
        if group and of_group:
            wanted.setdefault(group, {}).update(dict.fromkeys(of_group))
    left = {group: tuple(seed for seed in seeds if (group, seed) not in present) for group, seeds in wanted.items()}
    return {group: seeds for group, seeds in left.items() if seeds}


def spread(values: Iterable[float | None]) -> Spread | None:
    """The mean and deviation of the values that are finite numbers; None without any."""
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    import statistics

    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def fold(rows: Sequence[Row], missing: Mapping[str, tuple[int, ...]] | None = None) -> list[Row | Group]:
    """Replace the runs of each group by a `Group` at the place of its newest run; a group of a single run stays a
    plain row. `missing` holds what `missing_seeds` finds.
    """
    lacking = missing or {}
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(str(row.get("group") or ""), []).append(row)
    folded: list[Row | Group] = []
    for row in rows:
        name = str(row.get("group") or "")
        if not name or (len(members[name]) == 1 and name not in lacking):
            folded.append(row)
        elif members[name][0] is row:
            folded.append(Group(name, tuple(members[name]), lacking.get(name, ())))
    return folded
