"""The notes below the curves: the values at the cursor, and the race against the time to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.numbers import duration, metric
from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.reading.history import EpochRecord, History
    from dltui.tui.base.overlays import Overlaid
    from dltui.tui.run_page.view import RunView


def cursor_note(view: RunView, step: float) -> Row:
    """The values at the cursor: `cursor: step 1,240, epoch 3.10, after 12 s, lr 0.05`."""
    import numpy as np

    from dltui.tui.draw.run_charts.axis import clock

    steps, seconds = clock(view.history)
    points = view.history.points
    after = float(np.interp(step, steps, seconds))
    row: Row = [(" cursor ", "accent bold"), (f"step {step:,.0f}  epoch {step / view.steps_per_epoch:.2f}", "bold")]
    row.append((f"  after {duration(after)}", ""))
    if len(points):
        near = min(int(np.searchsorted(np.asarray(points.steps), step)), len(points) - 1)
        row.append((f"  lr {points.lr[near]:.4g}", "dim"))
    return row


def race_note(view: RunView, others: Sequence[Overlaid], ghost: str, width: int) -> Row:
    """The lead over the ghost run, in time at the same epoch and in its metric, and the forecast of the end: as many
    parts as fit into `width`.
    """
    found = next((other for other in others if other.id == ghost), None)
    if found is None or found.history.attempt is None or not len(view.history.points):
        return []
    lead = seconds_ahead(view.history, found.history)
    row: Row = [(f" {found.name}: ", "bold")]
    if lead is None:
        row.append(("another pace of steps: no race by time", "dim"))
    else:
        word, style = ("ahead", "good") if lead >= 0 else ("behind", "warn")
        row.append((f"{duration(abs(lead))} {word} at the same epoch", f"{style} bold"))
    by_metric, end = _metric_note(view, found.history), _forecast(view, found.history)
    longer = (row + by_metric + end, row + end, row + by_metric)
    return next((note for note in longer if cells(note) <= width), row)


def seconds_ahead(own: History, other: History) -> float | None:
    """The lead in seconds of training time, without the time between attempts: how much earlier the run reached its
    present epoch than the other; None where the other has not reached it.
    """
    import numpy as np

    from dltui.tui.draw.run_charts.axis import clock

    assert own.attempt is not None
    assert other.attempt is not None
    (steps, seconds), (other_steps, other_seconds) = clock(own), clock(other)
    epochs = steps[-1] / max(own.attempt.steps_per_epoch, 1)
    same = epochs * max(other.attempt.steps_per_epoch, 1)
    if not 0 < same <= other_steps[-1] * (1 + 1e-9):
        return None
    return float(np.interp(same, other_steps, other_seconds) - seconds[-1])


def _metric_note(view: RunView, other: History) -> Row:
    """The comparison of the monitored metric at the last epoch that both have."""
    name = (view.history.monitor or {}).get("metric", "")
    both = [
        epoch
        for epoch, record in view.history.epochs.items()
        if _has(record, name) and _has(other.epochs.get(epoch), name)
    ]
    if not both:
        return []
    epoch = max(both)
    own, its = view.history.epochs[epoch].validation[name], other.epochs[epoch].validation[name]
    better = (own > its) == ((view.history.monitor or {}).get("mode") == "max")
    sign = "+" if own >= its else "-"
    text = f"  {safe(name)} {sign}{metric(name, abs(own - its))} at epoch {epoch}"
    return [(text, "" if own == its else "good" if better else "warn")]


def _has(record: EpochRecord | None, name: str) -> bool:
    return record is not None and name in record.validation


def _forecast(view: RunView, other: History) -> Row:
    """The expected lead at the end of the run."""
    from dltui.tui.draw.run_charts.axis import clock

    left = view.progress.left if view.progress else None
    if left is None or view.ended or other.ended is None:
        return []
    seconds, whole = float(clock(view.history)[1][-1]), float(clock(other)[1][-1])
    lead = whole - seconds - left
    return [(f"  forecast: done {duration(abs(lead))} {'before' if lead >= 0 else 'after'} it", "dim")]
