"""Compares a checkpoint's record of the run's past with the log, so that damage to either is noticed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError
from dltui.core.rundir.events import CommandObeyed
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.checkpoint import Checkpoint

BY = "checkpoint"


def lost(history: History, found: Checkpoint | None) -> list[CommandObeyed]:
    """The commands that steer the plan and that only the checkpoint still knows. Adds them to `history`, before the
    later commands that the log does have.
    """
    told = _commands(found)
    known = {str(command["id"]) for command in history.steered}
    if all(str(command["id"]) in known for command in told):
        return []
    ids = {str(command["id"]) for command in told}
    later = [command for command in history.steered if str(command["id"]) not in ids]
    # A new rate replaces those planned for later steps, so all of them are told again, in their order.
    again = [c for c in [*told, *later] if c["action"] in ("set", "fit") or str(c["id"]) not in known]
    events = [
        CommandObeyed(str(c["id"]), str(c["action"]), dict(c["arguments"]), 0, int(c["step"]), BY, time.time())
        for c in again
    ]
    history.commands.extend(event.to_json() for event in events)
    return events


def _commands(found: Checkpoint | None) -> list[Mapping[str, Any]]:
    steering = found.loop_state.get("steering") if found else None
    commands = steering.get("commands") if isinstance(steering, dict) else None
    return list(commands) if isinstance(commands, list) else []


def none_left(run_id: str) -> str:
    """The reason why a run cannot go on whose log tells of checkpoints of which none is left."""
    name = clean_line(run_id)
    return f"the checkpoints of {name} are gone; train it anew: dltui train --like {name}"


def check_fork(run_id: str, asked: Mapping[str, Any], found: Checkpoint | None) -> None:
    """Check that a fork can begin with the checkpoint named in its run.json. Raises RunError otherwise."""
    fork, name = asked["fork"], clean_line(run_id)
    gone = f"the checkpoint that {name} was forked from is gone; fork {asked['parent']} again"
    if found is None:
        raise RunError(gone)
    if fork.get("same_steps") and found.step < int(fork["step"]):
        raise RunError(gone)
    steering = found.loop_state.get("steering")
    if isinstance(steering, dict) and steering.get("fork") not in (None, fork):
        raise RunError(f"{found.name} of {name} is of another fork: {clean_line(steering.get('fork'), 200)}")
