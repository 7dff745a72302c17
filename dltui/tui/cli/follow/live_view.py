"""The live view of `dltui train` on a terminal: pure functions from a run's state to styled text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from dltui.core import numbers
from dltui.core.analysis.measures.best_value import best_value
from dltui.core.reading.progress import Progress, progress
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status

STATUS_STYLES = {"running": "green", "finished": "green", "paused": "yellow", "silent": "red", "failed": "red"}


@dataclass(frozen=True)
class Frame:
    """The options for drawing the view: `notice` are the last rows (a question, or what Ctrl-C does)."""

    width: int
    ascii: bool = False
    notice: tuple[str, ...] = ()


def live_view(reader: RunReader, status: Status, now: float, frame: Frame) -> RenderableType:
    """Title, two progress bars, the table of metrics, the last log line and the notice."""
    history = reader.history
    rows: list[RenderableType] = [one_line(title(reader, status), frame)]
    at = progress(history, reader.live())
    if at is None or not history.points.steps:
        rows.append(one_line(waiting(status, now), frame))
    if at is not None:
        rows.append(bars(at, frame))
    if history.epochs:
        rows.append(metrics_table(history))
    if history.logs:
        when, _, text = history.logs[-1]
        line = f"{time.strftime('%H:%M:%S', time.localtime(when))} {clean_line(text)}"
        rows.append(one_line(Text(line, style="dim"), frame))
    rows += [one_line(Text(line, style="bold"), frame) for line in frame.notice or ("",)]
    return Group(*rows)


def one_line(text: Text, frame: Frame) -> Text:
    """The text cut at the right edge, with an ellipsis."""
    text.no_wrap, text.overflow = True, "crop" if frame.ascii else "ellipsis"
    return text


def title(reader: RunReader, status: Status) -> Text:
    run = reader.run
    text = Text(clean_line(reader.directory.id), style="bold")
    where = f"{clean_line(run['model'])} on {clean_line(run['dataset'])}, {clean_line(run['device']['name'])}"
    text = Text.assemble(text, f"  {where}  ", (status.name, STATUS_STYLES.get(status.name, "cyan")))
    if status.name in ("paused", "silent", "failed", "interrupted") and status.why:
        text.append(f": {clean_line(status.why)}")
    return text


def waiting(status: Status, now: float) -> Text:
    """The phase before the first numbers, with its duration: `importing torch 4 s`."""
    since = f" {numbers.duration(now - status.since)}" if status.since else ""
    return Text(clean_line(f"{status.why or status.phase or status.name}{since}"), style="cyan")


def bars(at: Progress, frame: Frame) -> RenderableType:
    """The progress bars of the epoch and the run, with the speed and the remaining time."""
    pace = []
    if at.left is not None:
        pace.append(f"{numbers.duration(at.left)} left")
    if at.samples_per_second:
        pace.append(f"{numbers.count(at.samples_per_second)} samples/s")
    first = (f"epoch {at.epoch} of {at.epochs}", at.epoch_fraction, "")
    second = ("run", at.run_fraction, "  ".join(pace))
    label = len(first[0])
    length = max(min(frame.width - label - len(second[2]) - 10, 40), 8)
    lines = []
    for name, fraction, rest in (first, second):
        line = Text.assemble(name.ljust(label), " ", bar(fraction, length, frame.ascii))
        lines.append(one_line(line.append(f" {numbers.percent(fraction):>5}  {rest}".rstrip()), frame))
    return Group(*lines)


def bar(fraction: float, length: int, ascii_only: bool = False) -> Text:
    """A progress bar with half-cell steps; `#` and `.` where the terminal has no box characters."""
    halves = int(min(max(fraction, 0.0), 1.0) * length * 2)
    full, half = divmod(halves, 2)
    if ascii_only:
        return Text("#" * full).append("." * (length - full), style="dim")
    text = Text("━" * full + "╸" * half, style="green")
    return text.append("─" * (length - full - half), style="dim")


def metrics_table(history: History) -> Table:
    """Last value, best value and its epoch, a row for each metric of each split."""
    last = history.epochs[max(history.epochs)]
    table = Table.grid(padding=(0, 2))
    table.add_row(
        Text("metric", style="dim"), Text("last", style="dim"), Text("best", style="dim"), Text("epoch", style="dim")
    )
    for split in ("validation", "train"):
        values = getattr(last, split) or {}
        for name, value in sorted(values.items()):
            if name == "mse" and not history.own_loss:
                continue
            epoch, top = best_value(history, split, name)
            chosen = history.best is not None and split == "validation" and epoch == history.best.epoch
            table.add_row(
                Text(f"{split} {clean_line(name)}"),
                Text(numbers.metric(name, value), justify="right"),
                Text(numbers.metric(name, top), justify="right", style="bold" if chosen else ""),
                Text(str(epoch), justify="right"),
            )
    return table
