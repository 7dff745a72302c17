"""The Log tab: the events of a run, line by line, and the output of its process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from dltui.core.numbers import metric, size
from dltui.core.text import plural, safe
from dltui.tui.draw.printed import pieces, printed
from dltui.tui.draw.styled_text import Row, fit, left
from dltui.tui.draw.wording import STATUS_STYLES, damaged
from dltui.tui.run_page.tab import Keys, Tab

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.tui.run_page.view import RunView

T = TypeVar("T")
Line = tuple[float, str, str]
"""Time, style, text."""
STAMP = 10
"""The cells of the time before a line, with a blank at both ends."""
LEVELS = {"warning": "warn", "error": "bad"}
OBEYED = {
    "pause": "paused",
    "resume": "continued",
    "stop": "stopped",
    "checkpoint": "checkpoint asked for",
    "kill": "killed",
}


class LogTab(Tab):
    """A tab that scrolls back from its last line; with `output` it shows the process's output instead of the events."""

    name = "Log"
    output = False
    _counted: tuple[tuple[object, ...], int] = ((), 0)
    """The number of rows that all events take, and what it depends on: it is asked for at each key."""

    @property
    def wants(self) -> frozenset[str]:
        return frozenset({"output"} if self.output else ())

    @property
    def hints(self) -> Keys:
        return (("o", "events" if self.output else "output"),)

    def key(self, width: int, height: int) -> tuple[object, ...]:
        return (*super().key(width, height), self.output)

    def rows(self, width: int, height: int) -> list[Row]:
        view = self.run.shown
        if view is None:
            return []
        return self._printed(view, width, height) if self.output else self._happened(view, width, height)

    def length(self) -> int:
        view = self.run.shown
        if view is None:
            return 0
        width, height = self.size
        shown = len(printed(view.output, width - 2)) if self.output else self._all_rows(view.history, width)
        return max(shown - height + 1, 0)

    def _all_rows(self, history: History, width: int) -> int:
        """The number of rows that all events take."""
        key = (width, *changes(history))
        if self._counted[0] != key:
            self._counted = (key, sum(rows_of(line, width) for line in timeline(history)))
        return self._counted[1]

    def _clock(self, when: float) -> str:
        return self.page.host.services.clock.time_of_day(when, seconds=True)

    def scroll(self, by: int) -> None:
        super().scroll(-by)

    def _printed(self, view: RunView, width: int, height: int) -> list[Row]:
        head: Row = [(" output ", "heading"), (" what the process printed", "dim")]
        if not view.output:
            return [head, [], [("  it has printed nothing; o shows what happened", "dim")]]
        lines = _last(printed(view.output, width - 2), height - 1, self.at)
        return [head, *([(" " + line, "")] for line in lines)]

    def _happened(self, view: RunView, width: int, height: int) -> list[Row]:
        count = line_count(view.history)
        head: Row = [(" events ", "heading"), (f" what happened, {plural(count, 'line')}", "dim")]
        if not count:
            return [head, [], [("  nothing yet; o shows what the process prints", "dim")]]
        # Each line takes a row at least: with so many lines there are enough rows.
        lines = timeline(view.history, max(height - 1 + self.at, 1))
        return [head, *ending_rows(lines, width, height - 1, self.at, self._clock)]


def changes(history: History) -> tuple[object, ...]:
    """A value that only changes when more than steps has happened; earlier moments of a run have other ones."""
    return history.happened, history.damaged, history.attempts, line_count(history)


def line_count(history: History) -> int:
    """The number of lines of the timeline."""
    once = (history.attempt is not None, history.damaged, history.test is not None, history.ended is not None)
    return len(history.epochs) + len(history.commands) + len(history.logs) + sum(map(bool, once))


def timeline(history: History, most: int | None = None) -> list[Line]:
    """The lines of the notable events, oldest first; only the last `most` of them, which is much faster."""
    first = 0 if most is None else -most
    lines = _epochs(history, first) + _commands(history)
    lines += [(when, LEVELS.get(level, ""), safe(text)) for when, level, text in list(history.logs)[first:]]
    attempt = history.attempt
    if attempt is not None:
        versions = safe(f"{attempt.framework} {attempt.versions.get(attempt.framework, '')}").strip()
        again = f"attempt {history.attempts}, from step {attempt.start_step:,}: " if history.attempts > 1 else ""
        text = f"{again}training begins on {safe(attempt.host)}, {versions}, {plural(attempt.threads, 'thread')}"
        lines.append((history.started_at, "accent", text))
    if history.damaged:
        lines.append((history.last_time, "warn", damaged(history)))
    if history.test is not None:
        values = ", ".join(
            f"{safe(name)} {metric(name, value)}" for name, value in _shown(history.test["metrics"], history.own_loss)
        )
        which = f", with epoch {history.test['epoch']}" if history.test.get("epoch") else ""
        lines.append((float(history.test.get("time", 0.0)), "accent", f"test{which}: {values}"))
    if history.ended is not None:
        style = STATUS_STYLES.get(history.ended.status, "")
        lines.append(
            (history.ended_at, f"{style} bold".strip(), safe(f"{history.ended.status}: {history.ended.reason}"))
        )
    # A stable sort keeps the order of what happened at the same moment.
    return sorted(lines, key=lambda line: line[0])[first:]


def _epochs(history: History, first: int) -> list[Line]:
    """The records from the slice index `first` on."""
    saved = {entry["epoch"]: entry for entry in history.checkpoints}
    lines: list[Line] = []
    for epoch, record in sorted(history.epochs.items())[first:]:
        parts = [f"{safe(key)} {metric(key, number)}" for key, number in _shown(record.validation, history.own_loss)]
        text = f"epoch {epoch}: " + (f"validation {', '.join(parts)}" if parts else "trained")
        text += ", best" if record.best else ""
        text += f", saved {size(saved[epoch]['bytes'])}" if epoch in saved else ""
        lines.append((record.time, "bold" if record.best else "", text))
    return lines


def _shown(metrics: dict[str, float], own_loss: bool) -> list[tuple[str, float]]:
    """The metrics to show, accuracy first; the mean squared error is left out where it equals the loss."""
    names = [name for name in metrics if name != "mse" or "loss" not in metrics or own_loss]
    return [(name, metrics[name]) for name in sorted(names, key=lambda name: (name != "accuracy", name))]


def _commands(history: History) -> list[Line]:
    lines: list[Line] = []
    for entry in history.commands:
        action = str(entry.get("action", ""))
        if action == "set":
            text = f"learning rate set to {entry.get('arguments', {}).get('lr', '?')}"
        elif action == "extend":
            more = entry.get("arguments", {}).get("epochs")
            text = f"{plural(more, 'epoch') if isinstance(more, int) else '? epochs'} added"
        elif action == "fit":
            total = entry.get("arguments", {}).get("total")
            text = f"{plural(total, 'step') if isinstance(total, int) else '? steps'} in all"
        else:
            text = OBEYED.get(action, action)
        by, step = safe(entry.get("by", "")), int(entry.get("step", 0))
        lines.append((float(entry.get("time", 0.0)), "warn", safe(f"{text} at step {step:,}, by {by}")))
    return lines


def wrapped(lines: Sequence[Line], width: int, clock: Callable[[float], str]) -> list[Row]:
    """The lines over as many rows as they take."""
    rows: list[Row] = []
    for when, style, text in lines:
        first, *rest = pieces(text, width - STAMP)
        rows.append(fit([(f" {left(clock(when), STAMP - 2)} ", "faint"), (first, style)], width))
        rows += [fit([(" " * STAMP, ""), (piece, style)], width) for piece in rest]
    return rows


def rows_of(line: Line, width: int) -> int:
    """The number of rows that a line takes."""
    return len(pieces(line[2], width - STAMP))


def ending_rows(
    lines: Sequence[Line], width: int, height: int, back: int, clock: Callable[[float], str]
) -> Sequence[Row]:
    """`height` rows of the lines, the last of which is `back` rows before the end; the first rows where there are not
    so many. Of a long log only these are made.
    """
    above, shown = -back, []
    for line in reversed(lines):
        above += rows_of(line, width)
        if above > 0:
            shown.append(line)
        if above >= height:
            return wrapped(shown[::-1], width, clock)[above - height : above]
    return wrapped(lines[:height], width, clock)[:height]


def last_rows(lines: Sequence[Line], width: int, height: int, clock: Callable[[float], str]) -> list[Row]:
    """The last rows of the lines; in a single row the beginning of the last line."""
    if height > 1:
        return wrapped(lines[-height:], width, clock)[-height:]
    return [fit([(f" {clock(when)} ", "faint"), (text, style)], width) for when, style, text in lines[-1:]]


def _last(rows: Sequence[T], height: int, back: int) -> Sequence[T]:
    """The last rows, or those `back` rows before."""
    end = max(len(rows) - back, min(height, len(rows)))
    return rows[max(0, end - height) : end]
