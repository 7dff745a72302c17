"""Starts the coordinator of a sweep from a command line, and follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.trials import plan as plans
from dltui.tui.cli.output import say, say_json, warn, when_lost

if TYPE_CHECKING:
    from dltui.core.sweep.folder import SweepFolder


def go(folder: SweepFolder, detach: bool, as_json: bool) -> int:
    """Start the coordinator, and follow the sweep unless it is to be left alone."""
    from dltui.core.sweep import start
    from dltui.tui.cli.follow import sweeping

    start.lead(folder)
    when_lost(sweeping.goes_on(folder.name))
    plan = folder.plan()
    if as_json:
        say_json({"type": "sweep", "sweep": folder.name, "path": str(folder.path), "plan": plan.to_json()})
    else:
        say(f"{folder.name}: {plans.described(plan)}")
    if detach:
        if not as_json:
            say(f"it goes on in the background; dltui sweep show {folder.name} tells how far it is")
        return 0
    return sweeping.follow(folder.name, as_json)


def go_on(name: str, more: int | None, parallel: int | None, detach: bool, as_json: bool) -> int:
    """Start the coordinator of a sweep again, with changes to its plan. Raises UsageError or RunError."""
    from dltui.core.sweep import folder as folders
    from dltui.core.sweep import start

    folder = folders.find(name)
    changes: dict[str, int] = {} if parallel is None else {"parallel": parallel}
    if changes and not more:
        folder.change(**changes)
    if more:
        added = start.more(folder, more, **changes)
        if not added:
            warn("no trials are added: all combinations have one")
        elif added < more:
            warn(f"{added} of {more} trials are added: then all combinations have one")
    return go(folder, detach, as_json)
