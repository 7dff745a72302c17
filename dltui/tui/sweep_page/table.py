"""The table of trials, the best first, with the rungs that each has reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core.analysis.trials import pruning
from dltui.core.numbers import metric, rounded
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, cut, ends, fit, left, on, right, window
from dltui.tui.draw.wording import STATUS_STYLES

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.trial import Trial
    from dltui.tui.sweep_page.state import SweepState

STATE = 19
NAME = 12
BEST = 9
RUNGS = 9
LEAST_VALUE = 8
NARROW, LEAST_NAME = 56, 8
"""Below this width there are no rungs, and shorter names."""


def header(state: SweepState, width: int) -> Row:
    """The titles of the columns."""
    names = _shown(state, width)
    row: Row = [("  ", ""), (left("TRIAL", _name(width)), ""), (right("BEST", BEST), ""), ("  ", "")]
    row += [(left("RUNGS", RUNGS), ""), ("  ", "")] if width >= NARROW else []
    row.append((left("STATE", STATE), ""))
    size = _value_width(names, width)
    row += [(left(safe(name), size - 1) + " ", "") for name in names]
    return fit(on(row, "dim"), width)


def _name(width: int) -> int:
    return NAME if width >= NARROW else LEAST_NAME


def _fixed() -> int:
    return 2 + NAME + BEST + 2 + RUNGS + 2 + STATE


def _shown(state: SweepState, width: int) -> list[str]:
    """The hyperparameters that there is room for."""
    names = [one.name for one in state.space]
    return names[: max((width - _fixed()) // (LEAST_VALUE + 1), 0)]


def _value_width(names: Sequence[str], width: int) -> int:
    return min((width - _fixed()) // len(names), 22) if names else 0


def best_row(state: SweepState, width: int) -> Row:
    """A line about the best trial, and how many there are."""
    assert state.found is not None
    end: Row = [(f"{len(state.found.trials)} of {plural(state.found.plan.trials, 'trial')} ", "dim")]
    best = state.everyone[0] if state.everyone else None
    if best is None or best.best is None:
        return ends([(" no result yet", "dim")], end, width)
    name = safe(best.run.id.removeprefix(f"{state.found.plan.name}-"))
    return ends([(" best ", "dim"), (name, "bold"), (f" {metric(best.metric, best.best)}", "best bold")], end, width)


def values_row(state: SweepState, width: int) -> Row:
    """The hyperparameters of the selected trial."""
    one = state.trial
    if one is None:
        return fit([], width)
    row: Row = [(" ", "")]
    for dimension in state.space:
        row += [(f"{safe(dimension.name)} ", "dim"), (f"{rounded(one.values.get(dimension.name))}  ", "")]
    return fit(row, width)


def rows(state: SweepState, width: int, height: int) -> list[Row]:
    """The trials around the selected one."""
    if state.found is None:
        return [fit([(" reading the trials ...", "dim")], width)]
    if not state.ranked:
        why = f"no trial has {state.brush_text()}; x shows all" if state.brushes else "no trial yet"
        return [fit([(f" {why}", "dim")], width)]
    names = _shown(state, width)
    size = _value_width(names, width)
    seen = window(len(state.ranked), state.index, height)
    found = []
    for place in seen:
        row = _row(state.found.plan, state.ranked[place], names, size, place == 0 and not state.brushes, width)
        chosen = place == state.index
        row = [("› " if chosen else "  ", "accent bold"), *row]
        row = fit(row, width)
        found.append(on(row, "selected") if chosen else row)
    return found


def _row(plan: Plan, one: Trial, names: Sequence[str], size: int, best: bool, width: int) -> Row:
    name = safe(one.run.id.removeprefix(f"{plan.name}-"))
    dim = "dim" if one.over else ""
    value = "-" if one.best is None else metric(one.metric, one.best)
    room = _name(width)
    row: Row = [(left(cut(name, room - 2) + (" *" if one.pinned else ""), room), dim)]
    row += [(right(value, BEST), "best bold" if best and one.best is not None else ""), ("  ", "")]
    row += [*_rungs(plan, one), ("  ", "")] if width >= NARROW else []
    row.append((left(one.standing(), STATE), "dim" if one.pruned else STATUS_STYLES.get(one.status, "")))
    return row + [(left(rounded(one.values.get(key)), size - 1) + " ", dim) for key in names]


def _rungs(plan: Plan, one: Trial) -> Row:
    """A sign for each rung that it has passed, and for the end: `●●○ 9`."""
    rungs = [*pruning.rungs(plan, one.number), one.epochs if plan.timed else plan.epochs]
    passed = sum(one.done > rung or (one.done == rung and one.pruned != rung) for rung in rungs)
    signs = "●" * passed + "○" * (len(rungs) - passed)
    text = f"{cut(signs, RUNGS - 4)} {one.done}"
    return [(left(text, RUNGS), "validation" if passed else "faint")]
