"""Conditions on the progress of a run, as in `validation.accuracy>=0.92`: pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.analysis.measures import measured
from dltui.core.analysis.measures.run_filter import ORDERS
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dltui.core.reading.history import History

COUNTS = ("epoch", "step")
EXAMPLE = "validation.accuracy>=0.92"
_FORM = re.compile(r"\s*([^<>=\s]+)\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True)
class Condition:
    """A condition: `name` is SPLIT.METRIC, "epoch" or "step"; it holds once any epoch has met it."""

    name: str
    relation: str
    bound: float
    text: str


@dataclass(frozen=True)
class Met:
    """The value that met a condition, and the number of epochs done then."""

    value: float
    epoch: int


def parse(text: str) -> Condition:
    """The condition of a text. Raises UsageError."""
    found = _FORM.fullmatch(text)
    bound = measured.number(found[3]) if found else None
    if found is None or bound is None:
        raise UsageError(f"--until wants NAME>=NUMBER, as in {EXAMPLE}, got {clean_line(text, 80)!r}")
    name = measured.check_name(found[1], COUNTS)
    if name.endswith("accuracy") and bound > 1:
        raise UsageError(f"{name} is at most 1 or 100%, got {found[3]}; did you mean {found[3]}%?")
    return Condition(name, found[2], bound, clean_line("".join(found.groups()), 100))


def met(condition: Condition, history: History) -> Met | None:
    """The first value that meets the condition; None when none does."""
    holds = ORDERS[condition.relation]
    return next((one for one in _values(condition.name, history) if holds(one.value, condition.bound)), None)


def last(condition: Condition, history: History) -> Met | None:
    """The newest value of the condition's measure; None before the first."""
    return next(iter(reversed([*_values(condition.name, history)])), None)


def _values(name: str, history: History) -> Iterator[Met]:
    """All values so far, oldest first."""
    done = history.epochs_done
    if name in COUNTS:
        yield Met(float(done if name == "epoch" else history.step), done)
        return
    split, _, metric = name.partition(".")
    if split == "test":
        if history.test and metric in measured.of_test(history):
            yield Met(measured.of_test(history)[metric], int(history.test["epoch"]))
        return
    for number in sorted(history.epochs):
        metrics = measured.of_epoch(history.epochs[number], split)
        if metric in metrics:
            yield Met(metrics[metric], number)
