"""Runs of one series of seeds as one line of the list: mean and spread, and its runs below it when it is open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from dltui.core.groups import spread
from dltui.tui.cli import numbers
from dltui.tui.summary import Summary

PREFIX = "group/"
"""No run's id has a slash in it."""


def fold(runs: Sequence[Summary], opened: Collection[str]) -> list[Summary]:
    """The lines of the list. A group stands where the first of its runs stood; a group of one is the run itself."""
    members: dict[str, list[Summary]] = {}
    for run in runs:
        members.setdefault(run.group, []).append(run)
    lines: list[Summary] = []
    for run in runs:
        of = members[run.group]
        if not run.group or len(of) == 1:
            lines.append(run)
        elif of[0] is run:
            line = group_line(of)
            lines.append(line)
            if line.id in opened:
                lines += [replace(one, name="  " + one.name) for one in line.members]
    return lines


def group_line(members: Sequence[Summary]) -> Summary:
    """What there is to say of all of them at once."""
    first = members[0]
    best = spread(one.best_value for one in members)
    test = spread(one.test_value for one in members)
    shown = first.test.partition(" ")[0] or first.best_name
    left = [one.left for one in members if one.left is not None]
    return replace(
        first,
        id=PREFIX + first.group,
        name=f"{first.group} ({len(members)} seeds)",
        status=next((one.status for one in members if one.status != "finished"), "finished"),
        why="",
        epochs_done=sum(one.epochs_done for one in members),
        epochs=sum(one.epochs for one in members),
        fraction=sum(one.fraction for one in members) / len(members),
        left=max(left) if left else None,
        best=numbers.spread(first.best_name, best) if best else "",
        best_epoch=0,
        trend=(),
        test=f"{shown} {numbers.spread(shown, test)}" if test else "",
        seed=", ".join(sorted((one.seed for one in members), key=lambda seed: (len(seed), seed))),
        members=tuple(sorted(members, key=lambda one: (len(one.seed), one.seed))),
    )
