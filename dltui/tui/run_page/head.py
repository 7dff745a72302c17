"""The first rows of a run's page: its name and place, its progress, and the tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core.numbers import duration, percent
from dltui.core.reading.status import INCOMPLETE
from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, bar, cells, ends, fit
from dltui.tui.draw.wording import FAULTS, STATUS_STYLES, trained_epochs

if TYPE_CHECKING:
    from dltui.tui.run_page.view import RunView

PHASES = ("starting", "importing", "loading data", "building", "training")
RESUME: Row = [("  r", "key bold"), (" resume ", "dim")]


def title(view: RunView | None, name: str, clock: str, read_only: bool, width: int, state: str = "") -> Row:
    """The title row: `brisk-otter cnn-torch fashion-mnist gpu01 cuda:0 RUNNING`, and the time.

    Another `state` than the run's own is loud.
    """
    end: Row = [("read-only  ", "warn")] if read_only else []
    end += [(clock + " ", "dim")]
    if view is None:
        return ends([(f" {name}", "bold")], end, width)
    run = view.summary
    place = f"{run.host} {run.device}".strip()
    named: Row = [(f" {run.name}", "accent bold")]
    for text in (safe(view.asked.get("model", "")), run.dataset, place):
        named.append((f"  {text}", ""))
    status: Row = [(f"  {run.status.upper()}", f"{STATUS_STYLES.get(run.status, '')} bold".strip())]
    if state:
        status = [("  ", ""), (f" {state} ", "warn reverse bold")]
    # Long names are cut for it: what a run is doing is worth more than where.
    room = max(width - cells(status) - cells(end) - 1, 0)
    row = (named if cells(named) <= room else fit(named, room)) + status
    origin: Row = [(f"  from {safe(view.asked['parent'])}", "dim")] if view.asked.get("parent") else []
    # The log says it too: here only where nothing else is cut for it.
    return ends(row + origin if cells(row + origin) + cells(end) < width else row, end, width)


def progress_row(view: RunView | None, now: float, width: int, why: bool = True) -> Row:
    """The progress of the run; before the first step its phase, after the last how it ended, with `why` also the
    reason.
    """
    if view is None:
        return [(" reading the run ...", "dim")]
    run, at = view.summary, view.progress
    if view.ended:
        return _ended(view, width, why)
    if run.status == "silent":
        return [(f" silent: {run.why}", "warn bold")]
    if at is None or run.status in ("starting", "queued"):
        return _phases(view, now)
    text = f" epoch {at.epoch} of {at.epochs} "
    seconds = max(now - run.since, 0.0)
    if run.status == "paused":
        tail = f"{run.why}, {duration(seconds)}" if len(run.why) < 24 else f"paused {duration(seconds)}"
    elif at.left is not None:
        tail = f"{duration(at.left)} left"
    else:
        tail = run.phase if run.phase != "training" else ""
    if run.phase in ("evaluating", "exporting"):
        tail = run.phase
    room = width - len(text) - len("  100 %   run  100 %   ") - max(len(tail), 12) - 1
    first, second = room // 2, room - room // 2
    style = "warn" if run.status == "paused" else "good"
    row: Row = [(text, "bold"), *bar(at.epoch_fraction, first, style), (f" {percent(at.epoch_fraction):>5}", "")]
    row += [("   run ", "dim"), *bar(at.run_fraction, second, style), (f" {percent(at.run_fraction):>5}", "")]
    return ends(row, [(tail + " ", "warn" if run.status == "paused" else "bold")], width)


def ending(view: RunView, why: bool = True) -> Row:
    """The status and the reason of an ended run: ` failed: the loss is not a finite number`."""
    run = view.summary
    row: Row = [(f" {run.status}", f"{STATUS_STYLES.get(run.status, '')} bold".strip())]
    return [*row, (f": {run.why}", "")] if why and run.status in FAULTS else row


def _ended(view: RunView, width: int, why: bool) -> Row:
    """The status and the results of an ended run, as much as fits; for a run that can be resumed also the key."""
    run, row = view.summary, ending(view, why)
    parts: list[Row] = []
    end: Row = [("drawing the figures ", "accent")] if run.phase == "exporting" else []
    if run.phase == INCOMPLETE:
        end = [(f"{INCOMPLETE}: ", "warn"), ("e", "key bold"), (" exports ", "dim")]
    if run.status in FAULTS:
        end = RESUME
    if run.test:
        parts.append([("   test ", "dim"), (run.test, "bold")])
    if run.best:
        parts.append(
            [("   best validation ", "dim"), (f"{run.best_name} {run.best}", ""), (f" (epoch {run.best_epoch})", "dim")]
        )
    if view.history.epochs:
        spent, trained = duration(view.history.elapsed), duration(view.history.train_seconds)
        epochs = f"   {trained_epochs(view.history)} in {spent}"
        longer: Row = [(f"{epochs}, {trained} of it training", "dim")]
        parts.append(longer if sum(map(cells, [row, *parts, longer, end])) <= width else [(epochs, "dim")])
    for part in parts:
        if cells(row) + cells(part) + cells(end) <= width:
            row = row + part
    return ends(row, end, width)


def _phases(view: RunView, now: float) -> Row:
    """All phases up to training, the current phase with its seconds."""
    run = view.summary
    seconds = duration(max(now - run.since, 0.0))
    detail = safe(view.live.detail) if view.live else ""
    if run.phase not in PHASES:
        doing = run.why if run.status == "queued" else run.phase or run.why
        return [(f" {run.status}: {doing}", "accent bold"), (f"  {seconds}", "")]
    at = PHASES.index(run.phase)
    row: Row = [(" ", "")]
    for number, name in enumerate(PHASES):
        if number == at:
            row += [(f"{name} {detail}".strip(), "accent bold"), (f" {seconds}", "bold")]
        else:
            row.append((name, "dim" if number < at else "faint"))
        if number < len(PHASES) - 1:
            row.append((" › ", "faint"))
    return row


def tabs(names: Sequence[str], chosen: int, hints: Sequence[tuple[str, str]], width: int, plain: bool) -> Row:
    """The row of tabs: `1 Curves 2 Confusion 3 Log`, the open tab marked, by brackets where colors do not show. At the
    end `hints`, keys with a label each, where there is room.
    """
    extra: Row = [part for key, label in hints for part in ((key, "key"), (f" {label}  ", "dim"))]
    row: Row = []
    # Room for what stands at the end, if only there is some.
    gap = " " if sum(len(name) + 5 for name in names) + cells(extra) <= width else ""
    # Where they do not fit, the names of the others are left out: their numbers are their keys.
    brief = sum(len(name) + 3 for name in names) + 2 > width
    for number, name in enumerate(names):
        if number == chosen:
            marked = f"[{number + 1} {name}]" if plain else f" {number + 1} {name} "
            row.append((marked, "selected bold accent"))
        else:
            row += [(f" {number + 1}", "key"), ("" if brief else f" {name}{gap}", "dim")]
        row.append((gap, ""))
    return ends(row, extra if cells(row + extra) <= width else [], width)
