"""What Ctrl-C in a foreground `train` asks, and what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.killing import at_risk

if TYPE_CHECKING:
    from dltui.core.history import History
    from dltui.core.live import Live

CHOICES = "d detach   s stop and keep   k kill   Esc go on"
HINT = "Ctrl-C: detach, stop or kill"


def question(history: History, live: Live | None, now: float) -> list[str]:
    """What a kill would cost, and the choices: two lines, each short enough for 80 columns."""
    return [f"a kill would lose: {at_risk(history, live, now)}", CHOICES]
