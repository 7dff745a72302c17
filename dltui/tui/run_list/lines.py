"""Chooses the runs that the list shows and their order: a filter, a sort key, marks; plain values and pure
functions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dltui.core.analysis.groups import missing_seeds, shared, spread, standing, status
from dltui.core.analysis.measures import run_filter
from dltui.core.tasks.registry import lowest_is_best
from dltui.core.text import plural
from dltui.tui.base.summary import Summary
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.analysis.measures.run_filter import Term
    from dltui.tui.base.summary import Summary


SORTS = ("newest", "best", "name", "model", "dataset", "status")


@dataclass
class Choice:
    """The filter, the order and the marks of the list. `marked` holds ids in the order of marking."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    sort: str = SORTS[0]
    marked: dict[str, None] = field(default_factory=dict)

    def filter(self, text: str) -> None:
        """Set the filter. Raises UsageError, and then nothing has changed."""
        self.terms = run_filter.parse(text)
        self.text = text.strip()

    def next_sort(self) -> str:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        return self.sort

    def mark(self, ids: Sequence[str]) -> None:
        """Mark all of these runs, or unmark them when all are marked."""
        on = not all(one in self.marked for one in ids)
        for one in ids:
            self.marked.pop(one, None)
            if on:
                self.marked[one] = None


def lines(runs: Sequence[Summary], choice: Choice, opened: Collection[str]) -> list[Summary]:
    """The lines of the list: the matching runs, in order, with groups folded that are not in `opened`."""
    matching = [run for run in runs if run_filter.matches(choice.terms, run.facts)]
    missing = missing_seeds((run.group, run.facts.get("seed"), run.group_seeds) for run in runs)
    return fold(arranged(matching, choice.sort), opened, missing)


def arranged(runs: Sequence[Summary], sort: str) -> list[Summary]:
    """The runs sorted by a key, stable, so that equals stay newest first; runs without a value come last."""
    if sort == "newest":
        return list(runs)
    if sort == "best":
        return sorted(runs, key=_merit)
    return sorted(runs, key=lambda run: str(getattr(run, sort)).casefold())


def _merit(run: Summary) -> tuple[bool, str, float]:
    """A sort key by quality within each metric: high scores, low errors first."""
    if run.best_value is None:
        return True, "", 0.0
    return False, run.best_name, run.best_value if lowest_is_best(run.best_name, run.best_mode) else -run.best_value


PREFIX = "group/"
"""No run's id has a slash in it."""


def fold(
    runs: Sequence[Summary], opened: Collection[str], missing: Mapping[str, tuple[int, ...]] | None = None
) -> list[Summary]:
    """The lines of the list. A group stands at the place of its first run; a group of a single run is the run itself.
    `missing` holds what `missing_seeds` finds.
    """
    lacking = missing or {}
    members: dict[str, list[Summary]] = {}
    for run in runs:
        members.setdefault(run.group, []).append(run)
    lines: list[Summary] = []
    for run in runs:
        of = members[run.group]
        if not run.group or (len(of) == 1 and run.group not in lacking):
            lines.append(run)
        elif of[0] is run:
            line = group_line(of, lacking.get(run.group, ()))
            lines.append(line)
            if line.id in opened:
                lines += line.members
    return lines


def group_line(members: Sequence[Summary], missing: Sequence[int] = ()) -> Summary:
    """The line of a group, which summarizes its runs; `missing` are the seeds for which none was made."""
    first = members[0]
    if first.sweep:
        return sweep_line(members)
    name = shared(one.best_name for one in members)
    best = spread(one.best_value for one in members if one.best_name == name)
    test = spread(one.test_value for one in members)
    shown = next((one.test.partition(" ")[0] for one in members if one.test), name)
    statuses = [one.status for one in members]
    return replace(
        first,
        id=PREFIX + first.group,
        name=f"{first.group} ({plural(len(members) + len(missing), 'seed')})",
        status=status(statuses, missing),
        why=standing(first.group, statuses, missing),
        epochs_done=sum(one.epochs_done for one in members),
        epochs=sum(one.epochs for one in members),
        fraction=sum(one.fraction for one in members) / len(members),
        left=None if missing else _left(members),
        best=wording.spread(name, best) if best else "",
        best_name=name,
        best_epoch=0,
        trend=(),
        test=f"{shown} {wording.spread(shown, test)}" if test else "",
        seed=", ".join(sorted((one.seed for one in members), key=lambda seed: (len(seed), seed))),
        members=tuple(sorted(members, key=lambda one: (len(one.seed), one.seed))),
    )


def _left(members: Sequence[Summary]) -> float | None:
    """The seconds until the last of the runs is done; None while one waits, or does not know how long it takes."""
    left = [one.left for one in members if one.is_live]
    known = [seconds for seconds in left if seconds is not None]
    return max(known) if known and len(known) == len(left) else None


def sweep_line(members: Sequence[Summary]) -> Summary:
    """The line of a sweep: its best trial stands for it, of equals the first (`trial.order`)."""
    name = shared(one.best_name for one in members)
    best = min((one for one in reversed(members) if one.best_name == name), key=_merit)
    tested = best if best.test else next((one for one in members if one.test), best)
    newest = max(members, key=lambda one: one.created)
    statuses = [one.status for one in members]
    return replace(
        best,
        id=PREFIX + best.group,
        name=f"{best.group} ({plural(len(members), 'trial')})",
        status=status(statuses, trials=True),
        why=standing(best.group, statuses, trials=True) or f"best: {best.name}",
        epochs_done=sum(one.epochs_done for one in members),
        epochs=sum(one.epochs for one in members),
        fraction=sum(1.0 if not one.is_live else one.fraction for one in members) / len(members),
        left=None if newest.trials_to_come else _left(members),
        trend=(),
        test=tested.test,
        members=tuple(sorted(members, key=lambda one: one.id)),
    )
