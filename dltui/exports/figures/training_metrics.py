"""Figure: loss and accuracy of every epoch, training and validation, with the best epoch marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from dltui.core.tasks.registry import phrase, task_of, title
from dltui.core.text import plural
from dltui.exports.figures import style
from dltui.exports.figures.axes import metric_axis, whole_numbers
from dltui.exports.wording import decimal_percent, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dltui.core.reading.history import EpochRecord, History
    from dltui.core.reading.reader import RunReader

MANY_EPOCHS = 40
SHORT = 5
"""The most epochs of a run whose steps are drawn behind them."""
MOST_STEPS = 20_000
"""A log has each step of runs up to this length; of longer ones, means that depend on when it was written."""
STEP_POINTS = 200
LEGEND = 2.6
"""Inches that the legend takes of the subtitle's line."""
STEPS = 0.6
"""Inches that the legend is wider where it names the steps."""
LEGEND_LINE = 0.2
PANEL = 2.1
"""The height in inches of a panel with its axis, where they are one below the other."""
COLUMNS = 3
"""The most panels side by side."""


@dataclass
class Curves:
    """The curves of a metric at some epochs; unknown values are NaN."""

    metric: str
    epochs: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float]
    is_part: bool = False
    """True for a loss with a name beside the one that is optimized."""
    steps: tuple[Sequence[float], Sequence[float]] = ((), ())
    """Of a short run: how many epochs were done, and the value of the training steps there."""
    ends: Sequence[float] = ()
    """How many epochs were done at the end of each, where the last may have ended early; () for whole ones."""

    def place(self, epoch: int) -> float:
        """Where the end of an epoch is on the axis."""
        return self.ends[list(self.epochs).index(epoch)] if self.ends else float(epoch)


@dataclass
class Training:
    """The data of the figure. `best` is the epoch that was best on `monitor`."""

    subject: str
    panels: list[Curves] = field(default_factory=list)
    best: int | None = None
    monitor: str = ""

    @property
    def has_steps(self) -> bool:
        """True if the steps are drawn behind the epochs."""
        return any(len(curves.steps[0]) for curves in self.panels)


def draw_training_metrics(training: Training) -> Figure:
    count, narrow = len(training.panels), style.narrow()
    columns = 1 if narrow else _columns(count)
    below = (-(-count // columns) - 1) * PANEL
    # The legend stands beside the subtitle, or in a line of its own.
    figure = style.page((3.05 if narrow else 2.85) + below)
    beside = LEGEND + (STEPS if training.has_steps else 0.0)
    top = style.heading(figure, f"Training of {training.subject}", _subtitle(training), 0.0 if narrow else beside)
    anchor = top if narrow or not style.titled() else top + style.HEADING - 0.215
    top -= LEGEND_LINE if anchor == top else 0.0
    left, bottom, gap = 0.55, 0.45, 0.62
    width = (style.width() - left - style.MARGIN - gap * (columns - 1)) / columns
    for position, curves in enumerate(training.panels):
        row, column = divmod(position, columns)
        x, y = left + column * (width + gap), bottom + below - row * PANEL
        _panel(style.place(figure, x, y, width, top - bottom - 0.3 - below), curves, training)
    _legend(figure, training, anchor)
    return figure


def _columns(count: int) -> int:
    """How many panels stand side by side: those of a last row are not left alone where it can be avoided."""
    return 2 if count == COLUMNS + 1 else min(count, COLUMNS)


def _subtitle(training: Training) -> str:
    if training.best is None:
        return "no epoch has been evaluated on the validation split"
    values = []
    for curves in (curves for curves in training.panels if not curves.is_part):
        value = curves.validation[list(curves.epochs).index(training.best)]
        name = phrase(curves.metric)
        values.append(f"{name} {_shown(curves.metric, value)}")
    return f"best epoch {training.best} of {training.panels[0].epochs[-1]}: validation {', '.join(values)}"


def _shown(metric: str, value: float) -> str:
    return decimal_percent(value) if metric.endswith("accuracy") else number(value)


def _panel(axes: Axes, curves: Curves, training: Training) -> None:
    axes.set_title(title(curves.metric))
    axes.set_xlabel("epoch")
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    few = len(curves.epochs) <= MANY_EPOCHS
    size = 3.2 if few else 0.0
    ends = curves.ends or curves.epochs
    if len(curves.steps[0]):
        axes.plot(*curves.steps, color=style.PALE_BLUE, linewidth=0.8, zorder=1)
    axes.plot(
        ends, curves.train, color=style.BLUE, linewidth=1.3, linestyle=(0, (4, 1.6)), marker="o",
        markersize=size, markerfacecolor=style.PAPER, markeredgewidth=0.9,
    )  # fmt: skip
    axes.plot(
        ends, curves.validation, color=style.VERMILION, linewidth=1.5, marker="o", markersize=size,
        markeredgewidth=0.0,
    )  # fmt: skip
    whole_numbers(axes, 0 if len(curves.steps[0]) else min(curves.epochs), max(curves.epochs))
    metric_axis(axes, curves.metric, [*curves.train, *curves.validation, *curves.steps[1]])
    _mark_best(axes, curves, training)


def _mark_best(axes: Axes, curves: Curves, training: Training) -> None:
    if training.best is None:
        return
    value = curves.validation[list(curves.epochs).index(training.best)]
    place = curves.place(training.best)
    axes.axvline(place, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.plot(
        [place], [value], linestyle="none", marker="o", markersize=8.5, markerfacecolor="none",
        markeredgecolor=style.INK, markeredgewidth=1.0, zorder=5, clip_on=False,
    )  # fmt: skip


def _legend(figure: Figure, training: Training, top: float) -> None:
    """Draw the legend at the right."""
    handles = [
        Line2D([], [], color=style.BLUE, linewidth=1.3, linestyle=(0, (4, 1.6)), label="train"),
        Line2D([], [], color=style.VERMILION, linewidth=1.5, label="validation"),
    ]
    if training.has_steps:
        handles.insert(1, Line2D([], [], color=style.PALE_BLUE, linewidth=0.8, label="steps"))
    if training.best is not None:
        ring = Line2D(
            [], [], linestyle="none", marker="o", markersize=7, markerfacecolor="none", markeredgecolor=style.INK,
            label="best epoch",
        )  # fmt: skip
        handles.append(ring)
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles, loc="upper right", ncols=len(handles), borderaxespad=0.0, borderpad=0.0, handlelength=2.2,
        columnspacing=1.4, handletextpad=0.5,
        bbox_to_anchor=(1 - style.MARGIN / width, top / height),
    )  # fmt: skip


def collect(reader: RunReader, subject: str) -> Training | None:
    """The data of a run's curves; None before its first epoch."""
    history = reader.history
    if not history.epochs or history.attempt is None:
        return None
    records = [history.epochs[number] for number in sorted(history.epochs)]
    best, monitor = history.best, (history.monitor or {}).get("metric", "")
    task = task_of(history.attempt.dataset.get("task"))
    wanted = ["loss", task.metric]
    if task.metric == "mse" and not history.own_loss:
        wanted.remove("loss")
    # What decides which epoch is best is shown, whatever it is; a regression's loss is its mean squared error.
    wanted += [monitor] if monitor not in (*wanted, "loss", "") else []
    # Training measures nothing more than the loss, one metric of the task and the losses with a name.
    parts = [name for name in records[-1].train if name not in (*wanted, "loss", task.trained_metric)]
    panels = [
        Curves(
            metric,
            [record.epoch for record in records],
            [record.train.get(metric, math.nan) for record in records],
            [record.validation.get(metric, math.nan) for record in records],
            metric in parts,
            steps_of(history, metric),
            [_end(record, history.attempt.steps_per_epoch) for record in records],
        )
        for metric in (*wanted, *parts)
    ]
    return Training(subject, panels, best.epoch if best else None, monitor)


def _end(record: EpochRecord, steps_per_epoch: int) -> float:
    """How many epochs were done at the end of one: it ends early where the time of a run is over."""
    left = -record.step % max(steps_per_epoch, 1)
    return record.epoch - left / max(steps_per_epoch, 1)


def steps_of(history: History, metric: str) -> tuple[Sequence[float], Sequence[float]]:
    """How many epochs were done at some steps of a short run, and the means of the metric up to there; nothing for a
    longer run.
    """
    points, attempt = history.points, history.attempt
    values = points.loss if metric == "loss" else points.metrics.get(metric, ())
    if attempt is None or attempt.epochs > SHORT or attempt.total_steps > MOST_STEPS or len(points) < 2:
        return (), ()
    size = max(1, -(-len(points) // STEP_POINTS))
    starts = range(0, len(values), size)
    ends = [points.steps[min(start + size, len(values)) - 1] / max(attempt.steps_per_epoch, 1) for start in starts]
    return ends, [sum(values[start : start + size]) / len(values[start : start + size]) for start in starts]


def export(reader: RunReader, target: Path) -> None:
    """Write the figure; nothing before the first epoch."""
    from dltui.exports.about import about, subject
    from dltui.exports.save import save

    training = collect(reader, subject(reader))
    if training is None:
        return
    with style.applied():
        figure = draw_training_metrics(training)
        described = (
            f"Loss and metrics of {plural(len(training.panels[0].epochs), 'epoch')} on the train and validation splits."
        )
        save(figure, target, about(reader, f"Training of {training.subject}", described))
