"""Collects all that a repetition of a run needs, and the results that it must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.lifecycle.proof.repetition import state_sha256
from dltui.core.rundir import place

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

FORMAT = 1
NAME = "receipt.json"


def receipt(reader: RunReader) -> dict[str, Any]:
    """The receipt of a refreshed reader's run; None for values that are not known."""
    run, history = reader.run, reader.history
    attempt, ended, device = history.attempt, history.ended, run.get("device") or {}
    return {
        "receipt": FORMAT,
        "run_id": reader.directory.id,
        "run_token": place.identity(reader.directory),
        "model": run.get("model"),
        "framework": run.get("framework"),
        "plugin": attempt.plugin if attempt else {},
        "dataset": run.get("dataset"),
        "dataset_options": run.get("dataset_options") or {},
        "dropped": run.get("dropped"),
        "data_fingerprint": attempt.dataset.get("fingerprint") if attempt else None,
        "config": run.get("config") or {},
        "seed": run.get("seed"),
        "steering": [{name: value for name, value in one.items() if name != "id"} for one in history.steered],
        "parent": run.get("parent"),
        "twin_start": bool((run.get("twin") or {}).get("start")),
        "device": device.get("name"),
        "device_title": device.get("title"),
        "threads": attempt.threads if attempt else None,
        "mode": (attempt.mode or None) if attempt else None,
        "host": attempt.host if attempt else None,
        "versions": attempt.versions if attempt else {},
        "attempts": history.attempts,
        "run_sha256": (attempt.run_sha256 or None) if attempt else None,
        "status": ended.status if ended else reader.status().name,
        "epochs": history.epochs_done,
        "steps": history.step,
        "weights_sha256": ended.weights_sha256 if ended else None,
        "state_sha256": state_sha256(reader.directory),
    }
