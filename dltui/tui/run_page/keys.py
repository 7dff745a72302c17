"""The bindings of the run page, its bottom bar and its hint.

The bindings stand in the order in which the list of keys shows them. `press` passes a key on to the object
that has it in its `answers`; the others are actions of the page, most of which call a method of the open tab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.base.page import bind, press
from dltui.tui.base.run_keys import RUN_KEYS
from dltui.tui.run_page.curves.fault import failed_early
from dltui.tui.run_page.tabs import NAMES

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.tab import Keys
    from dltui.tui.run_page.view import RunView

LAST = 100_000
"""A number of rows beyond any end: moves to the last row."""
BINDINGS = (
    *RUN_KEYS,
    press("z", "zoom", "one chart over the whole width, or all of them", shown="z,enter"),
    press("g", "log scale", "logarithmic loss"),
    press("m", "smoothing", "how much the training curves are averaged: 0.6, 0.9, 0.98, not at all"),
    press("M", "more metrics", "curves also of F1, AUROC, calibration error and others, or only of the usual ones"),
    press("x", "x axis", "over epochs, steps or the time spent in training"),
    bind("f", "filter", "filter / window", "curves: all or the last tenth; mistakes: those of the same classes"),
    press("plus,equals_sign", "closer", "half as much of the run, around the cursor or its newest part"),
    press("minus", "farther", "twice as much of the run"),
    press("comma", "to the left", "an earlier part of the run"),
    press("full_stop", "to the right", "a later part of the run"),
    bind("left", "aside(-1)", "left", "curves: a cursor, Esc takes it away; confusion and mistakes: to the left"),
    bind("right", "aside(1)", "right", "curves: a cursor; confusion and mistakes: to the right"),
    press("shift+left", "cursor far left"),
    press("shift+right", "cursor far right"),
    press("v", "overlay runs", "overlay the curves of other runs, or race against one"),
    press("left_square_bracket", "epoch back", "the run as it was after the epoch before; End = as it is"),
    press("right_square_bracket", "epoch forward"),
    press("P", "replay", "the whole run in 20 s from its start, then at 1x, 4x, 16x; matrix and mistakes follow"),
    bind("enter", "enter", "show", "curves: one chart, or all; a cell or a class: the mistakes in it"),
    press("space", "mark / hold", "a mistake: keep, wrong label, ambiguous, no mark; in a replay: hold it, go on"),
    press("slash", "filter by name", "mistakes of classes by name: shirt, >coat, shirt>coat"),
    press("h", "heat map", "mistakes: what in the image speaks for the answer, for the right one, or the image"),
    press("i", "try the model", "on an image of yours or of the test split: picture, likeliest answers, heat map"),
    press("percent_sign", "share", "confusion: numbers of images, or % of each true class"),
    press("b", "bell", "notifications of this run on or off"),
    *(bind(str(number), f"tab({number})", name, f"show {name.lower()}") for number, name in enumerate(NAMES, start=1)),
    bind("tab", "turn(1)", "next tab"),
    bind("shift+tab", "turn(-1)", "previous tab"),
    bind("escape", "back", "back", "to where this was opened from, at last to the list of runs"),
    bind("o", "order", "order / output", "another order of classes; in the log: what the process printed"),
    bind("t", "try_remedy", "try", "after a failure: the form of a fork or a new run, filled with what may help"),
    bind("up,k", "scroll(-1)", "up", "scroll up; on the curves, another chart"),
    bind("down,j", "scroll(1)", "down", "scroll down; on the curves, another chart"),
    bind("pageup", "scroll(-10)", "page up"),
    bind("pagedown", "scroll(10)", "page down"),
    bind("home", "scroll(-100000)", "first line"),
    bind("end", f"scroll({LAST})", "last line", "the last line; in the past, the run as it is"),
)


def bottom_bar(view: RunView | None, may_command: bool, back: str = "runs") -> Keys:
    """The keys of the bottom bar, which depend on whether the run has ended; `back` is where Esc leads."""
    end = (("a", "again"), ("y", "copy"), ("Esc", back))
    if not may_command:
        return (("Tab", "next tab"), ("v", "overlay runs"), *end)
    status = view.summary.status if view is not None else ""
    if view is not None and view.ended:
        if view.suggestion is not None:
            return (("t", f"try {safe(view.suggestion.words)}"), ("r", "resume"), *end)
        figures = (("e", "export"),) if view.summary.epochs_done or view.summary.test else ()
        return (("r", view.summary.going_on), *figures, *end)
    if status == "queued":
        return (("s", "take out of the queue"), *end)
    if status == "silent":
        return (("K", "kill"), *end)
    steering = (("p", "continue" if status == "paused" else "pause"), ("s", "stop and keep"), ("w", "checkpoint"))
    home = (("e", "export"),) if view is not None and view.summary.epochs_done else ()
    return (*steering, ("l", "lr"), *home)


def hint(view: RunView | None, width: int) -> Row:
    """The hint on an empty notice row: the next thing to do."""
    if view is None:
        return []
    run = view.summary
    if run.via and run.why.startswith(f"{run.via} does not answer"):
        return [(" the link comes back by itself; the run goes on without it", "warn")]
    if run.status == "silent":
        return [(f" K ends it; dltui stacks {run.id} tells where it stands", "warn")]
    if run.is_live:
        back = f" q leaves, the run goes on; back with: dltui attach {run.id}"
        return [(back if len(back) <= width else " q leaves, the run goes on", "faint")]
    if failed_early(view):
        return []
    if view.suggestion is not None:
        return [(f" t tries {safe(view.suggestion.words)}; or: {safe(view.suggestion.command)}", "accent")]
    return [(f" figures in {run.exports}; e exports them", "faint")] if view.figures else []
