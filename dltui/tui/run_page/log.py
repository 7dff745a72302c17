"""The Log tab: the events of a run, line by line, and the output of its process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from dltui.core.numbers import metric, size
from dltui.core.text import plural, safe
from dltui.tui.draw.printed import pieces, printed
from dltui.tui.draw.styled_text import Row, fit
from dltui.tui.draw.wording import STATUS_STYLES, damaged
from dltui.tui.run_page.tab import Keys, Tab

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.tui.run_page.view import RunView

T = TypeVar("T")
Line = tuple[float, str, str]
"""Time, style, text."""
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
        clock = self._clock
        shown = printed(view.output, width - 2) if self.output else wrapped(timeline(view.history), width, clock)
        return max(len(shown) - height + 1, 0)

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
        lines = timeline(view.history)
        head: Row = [(" events ", "heading"), (f" what happened, {plural(len(lines), 'line')}", "dim")]
        if not lines:
            return [head, [], [("  nothing yet; o shows what the process prints", "dim")]]
        return [head, *_last(wrapped(lines, width, self._clock), height - 1, self.at)]


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
        time = f" {clock(when)} "
        first, *rest = pieces(text, width - len(time))
        rows.append(fit([(time, "faint"), (first, style)], width))
        rows += [fit([(" " * len(time), ""), (piece, style)], width) for piece in rest]
    return rows


def last_rows(lines: Sequence[Line], width: int, height: int, clock: Callable[[float], str]) -> list[Row]:
    """The last rows of the lines; in a single row the beginning of the last line."""
    if height > 1:
        return wrapped(lines[-height:], width, clock)[-height:]
    return [fit([(f" {clock(when)} ", "faint"), (text, style)], width) for when, style, text in lines[-1:]]


def _last(rows: Sequence[T], height: int, back: int) -> Sequence[T]:
    """The last rows, or those `back` rows before."""
    end = max(len(rows) - back, min(height, len(rows)))
    return rows[max(0, end - height) : end]
