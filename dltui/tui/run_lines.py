"""Which runs the list shows and in which order: a filter, a sort key, marks; plain values and pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core import run_filter
from dltui.tui.group_lines import fold

if TYPE_CHECKING:
    from dltui.core.run_filter import Term
    from dltui.tui.summary import Summary

SORTS = ("newest", "best", "name", "model", "dataset", "status")


@dataclass
class Choice:
    """What somebody wants to see of the list. `marked` holds ids in the order of marking."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    sort: str = SORTS[0]
    marked: dict[str, None] = field(default_factory=dict)

    def filter(self, text: str) -> None:
        """Raises UsageError, and then nothing has changed."""
        self.terms = run_filter.parse(text)
        self.text = text.strip()

    def next_sort(self) -> str:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        return self.sort

    def mark(self, ids: Sequence[str]) -> None:
        """Mark all of these, or unmark them when all are marked."""
        on = not all(one in self.marked for one in ids)
        for one in ids:
            self.marked.pop(one, None)
            if on:
                self.marked[one] = None


def lines(runs: Sequence[Summary], choice: Choice, opened: Collection[str]) -> list[Summary]:
    """The lines of the list: those that match, in order, the groups folded that are not in `opened`."""
    return fold(arranged([run for run in runs if run_filter.matches(choice.terms, run.facts)], choice.sort), opened)


def arranged(runs: Sequence[Summary], sort: str) -> list[Summary]:
    """Stable, so that equals stay newest first; what has no value comes last."""
    if sort == "newest":
        return list(runs)
    if sort == "best":
        return sorted(runs, key=_merit)
    return sorted(runs, key=lambda run: str(getattr(run, sort)).casefold())


def _merit(run: Summary) -> tuple[bool, str, float]:
    """The best first within each metric: high accuracies, low losses."""
    if run.best_value is None:
        return True, "", 0.0
    return False, run.best_name, -run.best_value if run.best_name == "accuracy" else run.best_value
