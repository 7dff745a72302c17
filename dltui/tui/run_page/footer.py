"""The keys and the hint at the foot of the run page: a run that has ended allows other things than one that lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.draw.wording import RESUMABLE

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.tab import Keys
    from dltui.tui.run_page.view import RunView


def keys(view: RunView | None, may_command: bool) -> Keys:
    """The keys of the bottom bar."""
    end = (("a", "again"), ("y", "copy"), ("Esc", "runs"))
    if not may_command:
        return (("Tab", "next tab"), ("v", "overlay runs"), *end)
    status = view.summary.status if view is not None else ""
    if view is not None and view.ended:
        if view.suggestion is not None:
            return (("t", f"try {safe(view.suggestion.words)}"), ("r", "resume"), *end)
        return (("r", "resume" if status in RESUMABLE else "train longer"), ("e", "take home"), *end)
    if status == "queued":
        return (("s", "take out of the queue"), *end)
    if status == "silent":
        return (("K", "kill"), *end)
    steering = (("p", "continue" if status == "paused" else "pause"), ("s", "stop and keep"), ("w", "save now"))
    home = (("e", "take home"),) if view is not None and view.summary.epochs_done else ()
    return (*steering, ("l", "lr"), *home)


def hint(view: RunView | None) -> Row:
    """For a notice row on which nothing was said: the next thing to do."""
    if view is None:
        return []
    run = view.summary
    if run.status == "silent":
        return [(f" K ends it; dltui stacks {run.id} tells where it stands", "warn")]
    if run.is_live:
        return [(f" q leaves, the run goes on; back with: dltui attach {run.id}", "faint")]
    if view.suggestion is not None:
        return [(f" t tries {safe(view.suggestion.words)}; or: {safe(view.suggestion.command)}", "accent")]
    return [(f" figures in {run.exports}; e takes them home", "faint")] if view.figures else []
