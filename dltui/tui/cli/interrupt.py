"""What Ctrl-C in a foreground `train` asks, and what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.cli import numbers

if TYPE_CHECKING:
    from dltui.core.history import History
    from dltui.core.live import Live

CHOICES = "d detach   s stop and keep   k kill   Esc go on"
HINT = "Ctrl-C: detach, stop or kill"


def at_risk(history: History, live: Live | None, now: float) -> str:
    """`last checkpoint 40 s ago, 212 steps since`: what a kill would cost."""
    step = max(live.step if live else 0, _last_step(history))
    if not history.checkpoints:
        return f"no checkpoint yet, {step:,} steps" if step else "nothing trained yet"
    last = history.checkpoints[-1]
    lost = max(step - int(last["step"]), 0)
    return f"last checkpoint {numbers.duration(now - float(last['time']))} ago, {lost:,} step{'s' if lost != 1 else ''}"


def question(history: History, live: Live | None, now: float) -> list[str]:
    """What a kill would cost, and the choices: two lines, each short enough for 80 columns."""
    return [f"a kill would lose: {at_risk(history, live, now)}", CHOICES]


def _last_step(history: History) -> int:
    steps = history.points.steps
    return int(steps[-1]) if len(steps) else 0
