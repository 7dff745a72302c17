"""The table of metrics, last and best, and beside it the shares of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.measures.best_value import best_value
from dltui.core.numbers import count, duration, metric, percent, size
from dltui.core.reading.summary import training_speed
from dltui.core.reading.time_spent import times
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, beside, cells, cut_words, ends, left, right, rule

if TYPE_CHECKING:
    from dltui.core.analysis.verdict import Verdict
    from dltui.core.reading.history import History
    from dltui.tui.run_page.view import RunView

HEIGHT = 5
NAME, VALUE, EPOCH = 20, 9, 6
ORDER = ("accuracy", "mse", "loss")


def numbers(view: RunView | None, table: list[Row], now: float, width: int) -> list[Row]:
    """Five rows: the table of `metrics` at the left, facts at the right."""
    least = NAME + 2 * VALUE + EPOCH + 2
    first = max(least, min(width // 2, least + 8))
    right_side = [_within(row, width - first) for row in facts(view, now)] if view else []
    return beside([(table, first), (right_side, width - first)], HEIGHT)


def metrics(view: RunView) -> list[Row]:
    """A row per metric and split: its last value, its best value and that epoch."""
    rows: list[Row] = [
        [(" " + left("METRIC", NAME) + right("last", VALUE) + right("best", VALUE) + right("epoch", EPOCH), "dim")]
    ]
    for split, style in (("validation", "validation"), ("train", "train")):
        for name in _names(view.history, split):
            rows.append(_metric(view.history, split, name, style))
    return rows[:HEIGHT]


def _names(history: History, split: str) -> list[str]:
    found = {name for record in history.epochs.values() for name in getattr(record, split)}
    # The loss of a regression is its mean squared error, where the model has none of its own: one row says it.
    found -= {"mse"} if "loss" in found and not history.own_loss else set()
    monitored = (history.monitor or {}).get("metric")

    def place(name: str) -> tuple[bool, int, str]:
        return name != monitored, ORDER.index(name) if name in ORDER else len(ORDER), name

    return sorted(found, key=place)[:2]


def _metric(history: History, split: str, name: str, style: str) -> Row:
    last = next(record for _, record in sorted(history.epochs.items(), reverse=True) if name in getattr(record, split))
    epoch, best = best_value(history, split, name)
    chosen = history.best is not None and split == "validation" and epoch == history.best.epoch
    return [
        (" ", ""),
        (left(f"{split} {safe(name)}", NAME), style),
        (right(_short(name, getattr(last, split)[name]), VALUE), "bold"),
        (right(_short(name, best), VALUE), "best bold" if chosen else ""),
        (right(str(epoch) if epoch else "-", EPOCH), "dim"),
    ]


def _short(name: str, value: float) -> str:
    """A value with as many digits as leave a gap before it."""
    whole = metric(name, value)
    fixed = [f"{value:.2f}"] if "e" not in whole else []
    texts = [whole, *fixed, *(f"{value:.{digits}e}" for digits in (2, 1, 0))]
    return next((text for text in texts if len(text) < VALUE), texts[-1])


def facts(view: RunView, now: float) -> list[Row]:
    """The speed, time, learning rate, checkpoint and memory; unknown values are left out."""
    rows = [_speed(view), _time(view.history), _learning_rate(view), _saved(view, now), _size(view)]
    return [row for row in rows if row]


def _within(row: Row, room: int) -> Row:
    """The row without the last parts that would not fit."""
    while len(row) > 3 and cells(row) > room:
        row = row[:-1]
    return row


def _fact(name: str, value: str, more: str = "") -> Row:
    return [("│ ", "rule"), (left(name, 9), "dim"), (value, ""), (f"  {more}" if more else "", "dim")]


def _speed(view: RunView) -> Row:
    """The current speed; of an ended run the mean, as in its report."""
    at = view.progress
    speed = training_speed(view.history) if view.ended else at.samples_per_second if at else None
    when = "mean of all epochs" if view.ended else "while training"
    return _fact("SPEED", f"{count(speed)} samples/s", when) if speed else _fact("SPEED", "-")


def _time(history: History) -> Row:
    """The shares of the time, largest first; the smallest are cut where they do not fit."""
    shares = sorted(times(history).shares().items(), key=lambda share: -share[1])
    if not shares:
        return _fact("TIME", "-")
    (name, share), *others = shares
    row = _fact("TIME", f"{name} {percent(share)}")
    row += [(f"  {name} {100 * share:.0f}", "dim") for name, share in others if share >= 0.005]
    return [*row, (f"  of {duration(history.elapsed)}", "dim")]


def _learning_rate(view: RunView) -> Row:
    """The current learning rate; with a schedule also the requested peak."""
    rates, asked = view.history.points.lr, view.base_lr
    schedule = safe(view.asked.get("config", {}).get("schedule", ""))
    if not len(rates):
        return _fact("LR", "-" if asked is None else f"{asked:g}", schedule)
    peak = f", peak {asked:g}" if asked is not None and schedule not in ("", "constant") else ""
    return _fact("LR", f"{rates[-1]:.4g}{peak}", schedule)


def _saved(view: RunView, now: float) -> Row:
    saved = view.history.checkpoints
    if not saved:
        return _fact("SAVED", "no checkpoint yet")
    last = saved[-1]
    ago = duration(max(now - float(last["time"]), 0.0))
    when = "" if view.ended else f", {ago} ago"
    return _fact("SAVED", f"epoch {last['epoch']}{when}", f"step {int(last['step']):,}")


def _size(view: RunView) -> Row:
    attempt, live = view.history.attempt, view.live
    memory = f"memory {size(live.rss)}" if live and live.rss and not view.ended else ""
    if attempt is None:
        return _fact("MODEL", memory or "-")
    return _fact("MODEL", plural(attempt.parameters, "parameter"), memory)


def verdict_row(verdict: Verdict | None, width: int) -> Row:
    """The verdict on the curves, its evidence, and the key that helps; a rule without a verdict."""
    if verdict is None:
        return rule(width)
    row: Row = [(" ▲ " if verdict.bad else " · ", "warn"), (verdict.text, "warn bold" if verdict.bad else "dim")]
    evidence = safe(verdict.evidence)
    end: Row = []
    if verdict.key:
        short = {"s": "stop", "l": "lr", "a": "again", "t": "try"}.get(verdict.key, "")
        helps = f" {safe(verdict.help)} "
        end = [("  ", ""), (verdict.key, "key bold"), (helps, "dim")]
        if cells(row) + len(evidence) + 2 + cells(end) > width:
            end = [("  ", ""), (verdict.key, "key bold"), (f" {short} ", "dim")]
    room = width - cells(row) - cells(end) - 2
    return ends([*row, (f"  {cut_words(evidence, room)}", "dim" if not verdict.bad else "")], end, width)
