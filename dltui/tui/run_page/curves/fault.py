"""The page of a failed run over the whole width: its reason, what to do about it, and the end of the printed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.draw.printed import pieces, printed, traceback_of
from dltui.tui.draw.styled_text import Row, cells, rule
from dltui.tui.draw.wording import FAULTS, STATUS_STYLES
from dltui.tui.run_page.head import RESUME, ending

if TYPE_CHECKING:
    from dltui.tui.run_page.view import RunView

LEAST_LINES = 4
"""The fewest printed lines that are worth showing."""


def failed_early(view: RunView | None) -> bool:
    """True if the run failed before there was anything to draw."""
    return view is not None and view.summary.status in FAULTS and not len(view.history.points)


def told_above(view: RunView | None, width: int) -> bool:
    """True if the row of the progress has room for the whole reason."""
    return view is None or view.summary.status not in FAULTS or cells(ending(view)) + cells(RESUME) <= width


def reason_rows(view: RunView, width: int) -> list[Row]:
    """The reason why the run ended, and below it the advice; a semicolon separates them."""
    reason, _, advice = safe(view.summary.why).partition("; ")
    style = f"{STATUS_STYLES[view.summary.status]} bold".strip()
    rows: list[Row] = [[(f" {line}", style)] for line in pieces(reason, width - 2)]
    return rows + [[(f" {line}", "bold")] for line in pieces(advice, width - 2) if advice]


def fault_rows(view: RunView, width: int, height: int) -> list[Row]:
    """Reason, advice and keys, and below a line the end of the traceback, or of all that was printed."""
    rows = [[], *reason_rows(view, width), [], *_keys(view, width), []]
    trace = traceback_of(view.output)
    lines = printed(trace or view.output, width - 2)
    room = height - len(rows) - 1
    if not lines or room < min(LEAST_LINES, len(lines)):
        return rows[:height]
    what = "traceback" if trace else "output"
    title = f"end of the {what}: 6 o shows all" if len(lines) > room else what
    return [*rows, rule(width, title), *([(f" {line}", "")] for line in lines[-room:])]


def _keys(view: RunView, width: int) -> list[Row]:
    """The keys that help with this failure, with what they do."""
    rows: list[Row] = []
    found = view.suggestion
    if found is not None:
        rows.append([(" t ", "key bold"), (f" opens the form with {safe(found.words)}; in a shell that is", "")])
        rows += [[(f"    {line}", "accent")] for line in pieces(safe(found.command), width - 5, 2)]
    rows.append([(" a ", "key bold"), (" opens the form as it was, to change something", "")])
    rows.append([(" y ", "key bold"), (" copies all of this with the command", "")])
    return rows


def report(view: RunView) -> str:
    """A text to copy for a report: the command, how the run ended, the traceback."""
    trace = printed(traceback_of(view.output), 10_000)
    return "\n".join([f"$ {view.summary.command}", f"{view.summary.status}: {safe(view.summary.why)}", *trace])
