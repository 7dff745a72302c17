"""Summarizes a run in a flat object: a row of the list of runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError
from dltui.core.numbers import plain_json
from dltui.core.rundir import notes
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.heartbeat import Live


def summary_row(reader: RunReader, now: float | None = None) -> dict[str, Any]:
    """A run's entry in `dltui runs --json`, as it is now. `best` is the best value of `metric`, None before the first
    evaluation; it is the lowest where `mode` is "min", and the highest where it is "max". Never raises: a run that
    cannot be read has its reason in `why`.
    """
    reader.refresh()
    try:
        run = reader.run
    except DltuiError as error:
        return unreadable(reader, str(error))
    history, (status, live) = reader.history, reader.look(now)
    labels = reader.labels
    attempt = history.attempt
    return {
        "id": reader.directory.id,
        "name": labels["name"],
        "status": status.name,
        "why": status.why,
        "phase": status.phase,
        "since": status.since,
        "model": run.get("model"),
        "framework": run.get("framework"),
        "task": run.get("task"),
        "dataset": run.get("dataset"),
        "device": device_of(run, history),
        "host": attempt.host if attempt else (live.host if live else None),
        **_done(history, live if not status.over else None, run),
        "created": run.get("created"),
        "seed": run.get("seed"),
        "group": run.get("group"),
        "sweep": sweep_of(run),
        "group_seeds": (notes.series_seeds(reader.directory.path) if run.get("group") else []) or None,
        "parent": run.get("parent"),
        "tags": labels["tags"],
        "note": labels["note"],
        "exports": run.get("exports"),
        "path": str(reader.directory.path),
    }


def device_of(run: Mapping[str, Any], history: History) -> str | None:
    """The name of the device, or devices, that the last attempt was on; before the first that of the request."""
    device = (history.attempt.device if history.attempt else None) or run.get("device") or {}
    return device.get("name") if isinstance(device, dict) else str(device)


def ranks_of(run: Mapping[str, Any], history: History) -> int:
    """The number of devices, or processes on the CPU, that trained together in the last attempt."""
    device = (history.attempt.device if history.attempt else None) or run.get("device") or {}
    return max(len(device.get("devices") or ()), 1) if isinstance(device, dict) else 1


def sweep_of(run: Mapping[str, Any]) -> str | None:
    """The name of the sweep that a run is a trial of; None for others, also those that train its winner again."""
    record = run.get("sweep")
    if not isinstance(record, dict) or record.get("confirms") is not None or not record.get("name"):
        return None
    return str(record["name"])


def _done(history: History, live: Live | None, run: Mapping[str, Any]) -> dict[str, Any]:
    """The progress and results of a run; `live` is the heartbeat of a run that is still going."""
    attempt, monitor, best = history.attempt, history.monitor, history.best
    asked = (run.get("config") or {}).get("epochs", 0)
    return {
        "epoch": history.epochs_done,
        "epochs": attempt.epochs if attempt else asked if isinstance(asked, int) else 0,
        "step": max(history.step, live.step if live else 0),
        "total_steps": attempt.total_steps if attempt else 0,
        "metric": monitor.get("metric") if monitor else None,
        "mode": monitor.get("mode") if monitor else None,
        "best": best.validation.get(monitor.get("metric", "")) if best and monitor else None,
        "best_epoch": best.epoch if best else None,
        "test": plain_json(history.test["metrics"]) if history.test else None,
        "seconds": round(history.elapsed, 3),
        "train_seconds": round(history.train_seconds, 3),
    }


def training_speed(history: History) -> float | None:
    """The samples per second of training time, over all epochs."""
    known = [record for record in history.epochs.values() if math.isfinite(record.samples_per_second)]
    seconds = sum(record.seconds for record in known)
    return sum(record.seconds * record.samples_per_second for record in known) / seconds if seconds > 0 else None


def step_micros(history: History) -> float | None:
    """The microseconds of a training step: over all epochs, or as fast as it goes now in the first one."""
    speed = training_speed(history) or history.samples_per_second
    return history.attempt.batch_size / speed * 1e6 if speed and history.attempt else None


def unreadable_reason(error: Exception) -> str:
    """The reason why a run cannot be shown, in one line; of a fault of the program its traceback is logged."""
    if isinstance(error, (DltuiError, OSError)):
        return clean_line(error, 500)
    import logging

    logging.getLogger(__name__).debug("a run cannot be shown", exc_info=error)
    return f"it cannot be read: {type(error).__name__}: {clean_line(error, 200)}"


def unreadable(reader: RunReader, reason: str) -> dict[str, Any]:
    """The keys of `summary_row` for a run that cannot be read, so that a damaged folder does not hide the list."""
    run_id = reader.directory.id
    zero = dict.fromkeys(("since", "epoch", "epochs", "step", "total_steps", "seconds", "train_seconds"), 0)
    none = dict.fromkeys(
        ("model", "framework", "task", "dataset", "device", "host", "metric", "mode", "best", "best_epoch", "test")
    )
    more = dict.fromkeys(("created", "seed", "group", "sweep", "group_seeds", "parent", "exports"))
    known = {"id": run_id, "name": run_id, "status": "failed", "why": reason, "phase": "ended", "tags": [], "note": ""}
    return {**known, **zero, **none, **more, "path": str(reader.directory.path)}
