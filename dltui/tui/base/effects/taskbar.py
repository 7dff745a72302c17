"""The progress of a run in the title or the taskbar of the terminal (OSC 9;4), where it is known to show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dltui.tui.terminal.capabilities import within_multiplexer

TERMINALS = ("ghostty", "mintty")
"""Values of TERM_PROGRAM."""
VTE = 8000
"""The first version of VTE, as it names itself, that shows it."""
NONE, NORMAL, PAUSED = 0, 1, 4


def known(environment: Mapping[str, str]) -> bool:
    """True if the terminal says by its variables that it is one that shows it; others may take it for a notification.
    Inside tmux and screen it would not arrive."""
    if within_multiplexer(environment) or environment.get("TERM", "dumb").startswith(("dumb", "linux")):
        return False
    version = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in TERMINALS
        or bool(environment.get("WT_SESSION"))
        or environment.get("ConEmuANSI") == "ON"
        or (version.isdecimal() and int(version) >= VTE)
    )


class Taskbar:
    """Tells the terminal, whenever a whole percent has changed; `write` writes to it."""

    def __init__(self, write: Callable[[str], object], environment: Mapping[str, str]) -> None:
        self._write, self._known = write, known(environment)
        self._told = (NONE, 0)

    def show(self, fraction: float, paused: bool = False) -> None:
        self._tell(PAUSED if paused else NORMAL, min(max(int(100 * fraction), 0), 100))

    def clear(self) -> None:
        self._tell(NONE, 0)

    def _tell(self, state: int, percent: int) -> None:
        if self._known and (state, percent) != self._told:
            self._told = (state, percent)
            self._write(f"\x1b]9;4;{state};{percent}\x1b\\")
