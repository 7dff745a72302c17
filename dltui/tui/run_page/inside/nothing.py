"""What a tab about predictions says where it has none to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.tui.run_page.view import RunView

NEVER = "nothing was evaluated: the run ended before its first epoch did"
UNREADABLE = "what was predicted cannot be shown; the reason stands below"


def why_none(view: RunView, soon: str) -> str:
    """Why there are no predictions: `soon` says when there will be some."""
    if view.problem:
        return UNREADABLE
    return NEVER if view.ended else soon
