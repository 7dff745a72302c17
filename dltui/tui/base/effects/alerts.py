"""Notifies a user in another window through the terminal: a run has ended, or has a new best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from dltui.core.text import safe

if TYPE_CHECKING:
    from dltui.tui.base.summary import Summary

BELL = "\a"
# They show OSC 777; the others that show anything know OSC 9.
KNOW_777 = ("rxvt", "foot")
# They would print it, or take it for something else.
KNOW_NONE = ("linux", "vt", "dumb", "screen", "tmux", "ansi")
LONGEST = 120


def sequence(text: str, environment: Mapping[str, str]) -> str:
    """The escape sequence that alerts this terminal: the bell, and a notification where supported.

    tmux marks the window at a bell; the notification it hands to the terminal around it where `allow-passthrough` is
    on, and drops it otherwise (man tmux).
    """
    term = environment.get("TERM", "dumb")
    # Controls cannot get through `safe`; a semicolon would end the title of OSC 777.
    text = safe(text)[:LONGEST].replace(";", ",")
    if environment.get("TMUX"):
        return f"{BELL}\x1bPtmux;\x1b\x1b]9;dltui: {text}\a\x1b\\"
    if term.startswith(KNOW_NONE):
        return BELL if term not in ("", "dumb") else ""
    if environment.get("VTE_VERSION") or term.startswith(KNOW_777):
        return f"{BELL}\x1b]777;notify;dltui;{text}\x1b\\"
    return f"{BELL}\x1b]9;dltui: {text}\x1b\\"


class Notices:
    """Knows the last state of each run, from whichever page; notifies once. `wanted` is "end", "best" (ends too) or
    "off".
    """

    def __init__(self, tell: Callable[[str], None], wanted: Callable[[], str]) -> None:
        self._tell = tell
        self._wanted = wanted
        self._live: dict[str, bool] = {}
        self._best: dict[str, int] = {}
        self.silent: set[str] = set()
        """Ids of runs of which nothing is told."""

    def toggle(self, run: str) -> bool:
        """Mute a run, or unmute it; returns True if it is unmuted."""
        self.silent ^= {run}
        return run not in self.silent

    def seen(self, runs: Iterable[Summary]) -> None:
        """Compare with the last state, and notify; the first sight of a run does not notify."""
        for run in runs:
            text = self._news(run)
            self._live[run.id], self._best[run.id] = run.is_live, run.best_epoch
            if text and run.id not in self.silent and self._wanted() != "off":
                self._tell(text)

    def _news(self, run: Summary) -> str:
        if self._live.get(run.id) and not run.is_live:
            best = f", best {run.best_name} {run.best}" if run.best else ""
            return f"{run.name} {run.status}{best}"
        # The first evaluation is always the best so far.
        better = 0 < self._best.get(run.id, 0) < run.best_epoch
        if better and self._wanted() == "best":
            return f"{run.name}: new best {run.best_name} {run.best} in epoch {run.best_epoch}"
        return ""
