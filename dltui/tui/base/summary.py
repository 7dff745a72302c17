"""Summaries of the runs of this home for the list; read in a thread, passed on as plain values."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.measures import run_filter
from dltui.core.numbers import metric
from dltui.core.reading.summary import device_of, sweep_of
from dltui.core.rundir import confidential, launch, notes
from dltui.core.text import safe
from dltui.tui.draw.wording import LIVE, RESUMABLE, buckets, differences

if TYPE_CHECKING:
    from dltui.core.reading.progress import Progress
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Live

# More than any screen has columns, with the newest in full.
MOST_POINTS = 40_000
MOST_BUCKETS = 200
"""The most values in the trend of a run."""


@dataclass(frozen=True)
class Summary:
    """A run in the list; every string is safe for a terminal."""

    directory: RunDirectory = field(compare=False)
    id: str
    name: str
    status: str
    why: str = ""
    phase: str = ""
    since: float = 0.0
    model: str = ""
    framework: str = ""
    dataset: str = ""
    device: str = ""
    host: str = ""
    epochs_done: int = 0
    epochs: int = 0
    fraction: float = 0.0
    left: float | None = None
    best: str = ""
    best_epoch: int = 0
    best_name: str = ""
    best_mode: str = ""
    """Whether the lowest or the highest value is best, "min" or "max"; "" where that is not known."""
    best_value: float | None = None
    trend: Sequence[float] = ()
    tags: tuple[str, ...] = ()
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The values that filters search; not shown."""
    test: str = ""
    test_value: float | None = None
    seed: str = ""
    group: str = ""
    """The group name of a series of seeds."""
    group_seeds: tuple[int, ...] = ()
    """The seeds of a series of which not all runs were made."""
    sweep: str = ""
    """The name of the sweep that the run is a trial of."""
    trials_to_come: int = 0
    """The trials of the sweep that are planned after this one."""
    members: tuple[Summary, ...] = ()
    """The runs that this line stands for; none for a run."""
    created: float = 0.0
    ended: float = 0.0
    differs: tuple[tuple[str, str, str], ...] = ()
    exports: str = ""
    command: str = ""
    obeyed: tuple[tuple[str, str, int], ...] = ()
    """The last commands that were acknowledged: id, action, step."""
    via: str = ""
    """The name of the other host that the run is on and was heard of from."""
    attempt: int = 0
    """The attempt of the worker that lives; 0 where that is not known."""
    keeps_device: str = ""
    """The reason why a live run cannot give its device back, or ""."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def timed(self) -> bool:
        """True if the run trains for a time, not for a number of epochs."""
        return bool(self.facts.get("max_time"))

    @property
    def going_on(self) -> str:
        """The words for going on with the run after its end."""
        if self.status in RESUMABLE:
            return "resume"
        return "more time" if self.timed else "more epochs"

    @property
    def draws(self) -> bool:
        """True if the run has ended, and its worker still draws the figures."""
        return not self.is_live and self.phase == "exporting"


def summarize(
    reader: RunReader, run: dict[str, Any], status: Status, live: Live | None, at: Progress | None
) -> Summary:
    """The list's entry of a run, after a refresh of its reader; `run` is its run.json, `at` its progress."""
    history, labels = reader.history, reader.labels
    # A run that is queued or starts has a heartbeat before its log says where.
    host = history.attempt.host if history.attempt else live.host if live else None
    via = safe(reader.told.host) if reader.told else ""
    # A run of another host is known by the name by which that is reached.
    host = via or host
    name, best, best_epoch, trend = _best(history)
    test = (history.test or {}).get("metrics", {})
    shown = name if name in test else "accuracy" if "accuracy" in test else "mse" if "mse" in test else "loss"
    return Summary(
        directory=reader.directory,
        facts=_facts(reader, labels, run, status.name, host, best),
        status=status.name,
        why=safe(status.why),
        phase=safe(status.phase),
        since=status.since,
        attempt=status.attempt,
        keeps_device=safe(launch.keeps_device(reader.directory.path)) if status.name in LIVE else "",
        host=safe(host or ""),
        via=via,
        epochs_done=history.epochs_done,
        epochs=history.attempt.epochs if history.attempt else int(run.get("config", {}).get("epochs", 0)),
        fraction=at.run_fraction if at else 0.0,
        left=at.left if at and status.name == "running" else None,
        best=metric(name, best) if best is not None else "",
        best_epoch=best_epoch,
        best_name=safe(name),
        best_mode=safe((history.monitor or {}).get("mode", "")),
        best_value=best,
        trend=trend,
        test=f"{shown} {metric(shown, test[shown])}" if shown in test else "",
        test_value=test.get(shown),
        ended=history.ended_at if history.ended else status.since,
        obeyed=tuple((entry["id"], safe(entry["action"]), int(entry["step"])) for entry in history.commands[-8:]),
        **_asked(reader, labels, run),
    )


def _asked(reader: RunReader, labels: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The part of a summary that is known before the run begins, and its labels."""
    config = run.get("config", {})
    return {
        "id": safe(reader.directory.id),
        "name": safe(labels["name"]),
        "tags": tuple(safe(tag) for tag in labels["tags"]),
        "note": safe(labels["note"]),
        "model": safe(run.get("model_name") or run.get("model", "?")),
        "framework": safe(run.get("framework", "")),
        "dataset": safe(run.get("dataset", "?")),
        "device": safe(_device(reader, run)),
        "seed": safe(config.get("seed", "")),
        "group": safe(run.get("group") or ""),
        "group_seeds": tuple(notes.series_seeds(reader.directory.path)) if run.get("group") else (),
        "sweep": safe(sweep_of(run) or ""),
        "trials_to_come": _trials_to_come(run),
        "created": float(run.get("created", 0.0)),
        "differs": tuple((safe(a), safe(b), safe(c)) for a, b, c in differences(config, run.get("defaults", {}))),
        "exports": safe(run.get("exports", "")),
        "command": safe(shlex.join(confidential.mask_command(run.get("command") or []))),
    }


def _trials_to_come(run: Mapping[str, Any]) -> int:
    try:
        return max(int(run["sweep"]["plan"]["trials"]) - int(run["sweep"]["trial"]) - 1, 0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


def _device(reader: RunReader, run: dict[str, Any]) -> str:
    """The device of the last attempt; until a machine has taken the run, the launcher that it is with."""
    if reader.history.attempt is None and (run.get("device") or {}).get("open"):
        return launch.chosen(reader.directory.path, run).name
    return device_of(run, reader.history) or "?"


def _facts(
    reader: RunReader, labels: dict[str, Any], run: dict[str, Any], status: str, host: str | None, best: float | None
) -> dict[str, Any]:
    """The searchable values of the run, as for `dltui runs --filter`."""
    history = reader.history
    row = {
        "id": reader.directory.id,
        "status": status,
        "framework": run.get("framework"),
        "dataset": run.get("dataset"),
        "device": _device(reader, run),
        "host": host,
        "epoch": history.epochs_done,
        "epochs": history.attempt.epochs if history.attempt else (run.get("config") or {}).get("epochs"),
        "best": best,
        **{name: run.get(name) for name in ("seed", "group", "parent")},
        "name": labels["name"],
        "tags": labels["tags"],
        "note": labels["note"],
    }
    return run_filter.facts(row, run)


def _best(history: Any) -> tuple[str, float | None, int, tuple[float, ...]]:
    """The monitor's display name, its best value, that epoch, and its course."""
    if history.monitor is None:
        return "", None, 0, ()
    key = history.monitor["metric"]
    records = [record for _, record in sorted(history.epochs.items())]
    is_error = key == "loss" and not history.own_loss and any("mse" in record.validation for record in records)
    name = "mse" if is_error else key
    trend = tuple(buckets([record.validation[key] for record in records if key in record.validation], MOST_BUCKETS))
    best = history.best
    if best is None:
        return name, None, 0, trend
    return name, best.validation[key], best.epoch, trend


def open_reader(directory: RunDirectory, clock: Callable[[], float]) -> tuple[RunReader, dict[str, Any]]:
    """A reader and the run's request. Raises DltuiError for a folder that is no run."""
    from dltui.core.reading.reader import RunReader

    reader = RunReader(directory, MOST_POINTS)
    reader.clock = clock
    return reader, reader.run
