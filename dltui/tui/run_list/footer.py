"""The keys at the bottom of the list of runs: those that apply to the marked runs, or to the selected run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.tui.base.summary import Summary
    from dltui.tui.run_list.state import RunListState

Keys = tuple[tuple[str, str], ...]


def keys(state: RunListState, may_command: Callable[[Summary], bool]) -> Keys:
    """The keys of the bottom bar."""
    marked = len(state.targets) if state.marked else 0
    if marked:
        return (
            ("c", f"compare {marked}"),
            ("e", "export"),
            ("#", "tag"),
            ("d", f"delete {marked}"),
            ("Esc", "none"),
        )
    line, run = state.line, state.run
    if line is not None and line.sweep and line.members and not line.via:
        return (("Enter", "open the sweep"), ("n", "new"), ("q", "leave"))
    if line is not None and line.members:
        return (
            ("Enter", "hide runs" if line.id in state.opened else "show runs"),
            ("n", "new"),
            ("q", "leave"),
        )
    if run is None:
        return (("n", "new run"), ("q", "leave"))
    first = (("Enter", "open"), ("n", "new"))
    if not may_command(run):
        return (("Enter", "open"), ("a", "again"), ("y", "copy"), ("q", "leave"))
    if run.status == "queued":
        return (*first, ("s", "take out of the queue"), ("a", "again"))
    if run.is_live:
        return (*first, ("p", "continue" if run.status == "paused" else "pause"), ("s", "stop"), ("w", "checkpoint"))
    resume = (("r", run.going_on),)
    figures = (("e", "export"),) if run.epochs_done or run.test else ()
    return (*first, *resume, ("a", "again"), *figures)
