"""The first and the last rows of a run's page in a small terminal, such as half a tmux split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.numbers import duration, metric, percent
from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, bar, cells, cut, ends, fit
from dltui.tui.draw.wording import STATUS_STYLES
from dltui.tui.run_page.head import ending
from dltui.tui.run_page.metrics_table import verdict_row

if TYPE_CHECKING:
    from dltui.tui.run_page.view import RunView

LEAST_BAR = 6


def compact_title(view: RunView | None, name: str, read_only: bool, width: int, state: str = "") -> Row:
    """The name, as much of the model and the dataset as fits, and the status."""
    if view is None:
        return fit([(f" {name}", "bold")], width)
    run = view.summary
    end: Row = [("read-only ", "warn")] if read_only else []
    end.append((f"{run.status.upper()} ", f"{STATUS_STYLES.get(run.status, '')} bold".strip()))
    if state:
        end[-1:] = [(f" {state} ", "warn reverse bold")]
    row: Row = [(f" {run.name} ", "accent bold")]
    for text in (safe(view.asked.get("model", "")), run.dataset, run.device):
        if cells([*row, (text, "")]) + 2 + cells(end) <= width:
            row.append((f" {text} ", ""))
    return ends(row, end, width)


def compact_progress(view: RunView | None, now: float, width: int) -> Row:
    """The epoch, a bar of the whole run, and the time left; otherwise what the run does, or how it ended."""
    if view is None:
        return [(" reading the run ...", "dim")]
    run, at = view.summary, view.progress
    if view.ended:
        result: Row = [(f" test {run.test} ", "bold")] if run.test else []
        return ends(ending(view), result, width)
    if run.status == "silent":
        return [(f" silent: {run.why}", "warn bold")]
    if at is None or run.status in ("starting", "queued"):
        doing = run.why if run.status == "queued" else run.phase or run.why
        return [(f" {doing or run.status} ", "accent bold"), (duration(max(now - run.since, 0.0)), "")]
    paused = run.status == "paused"
    row: Row = [(f" epoch {at.epoch}/{at.epochs} ", "bold")]
    left = f"{duration(at.left)} left" if at.left is not None else "" if run.phase == "training" else run.phase
    end: Row = [
        (f" {percent(at.run_fraction)}", ""),
        (f"  {'paused' if paused else left} ", "warn" if paused else "bold"),
    ]
    room = width - cells(row) - cells(end)
    if room >= LEAST_BAR:
        row += bar(at.run_fraction, room, "warn" if paused else "good")
    return ends(row, end, width)


def compact_numbers(view: RunView | None, width: int, height: int) -> list[Row]:
    """The last and the best value of the metric that decides and, with more rows, the losses and the verdict."""
    if view is None or not view.history.epochs:
        return [fit([(" no evaluation yet", "dim")], width)]
    history = view.history
    name = (history.monitor or {}).get("metric", "loss")
    rows = [_values(view, name, width)]
    if height > 1 and name != "loss":
        rows.append(_values(view, "loss", width))
    if height > 2:
        rows.append(fit(verdict_row(view.verdict, width) if view.verdict else [], width))
    return rows[:height]


def _values(view: RunView, name: str, width: int) -> Row:
    """`validation accuracy 91.7 %  best 91.9 % (6)`."""
    records = [record for _, record in sorted(view.history.epochs.items()) if name in record.validation]
    if not records:
        return fit([(f" {safe(name)} -", "dim")], width)
    title = f"validation {safe(name)}" if width >= 56 else safe(name)
    row: Row = [(f" {cut(title, width // 2)} ", "validation"), (metric(name, records[-1].validation[name]), "bold")]
    best = view.history.best
    if best is not None and name in best.validation:
        told: Row = [
            ("  best ", "dim"),
            (metric(name, best.validation[name]), "best bold"),
            (f" ({best.epoch})", "dim"),
        ]
        row += told if cells(row + told) <= width else []
    return fit(row, width)
