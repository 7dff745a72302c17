"""Table: a run's settings and results, as a flat JSON object that scripts rely on."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.analysis import cost
from dltui.core.analysis.evaluation import latest
from dltui.core.lifecycle.proof.receipt import receipt
from dltui.core.reading.summary import step_micros, training_speed
from dltui.core.rundir import confidential, place

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader


def summary(reader: RunReader) -> dict[str, Any]:
    """The settings and results of a run, with all that its repetition needs; None for unknown values."""
    run, history = reader.run, reader.history
    attempt, best, ended = history.attempt, history.best, history.ended
    found = {
        "run_id": reader.directory.id,
        "run_token": place.identity(reader.directory),
        "model": run.get("model"),
        "framework": run.get("framework"),
        "dataset": run.get("dataset"),
        "device": (run.get("device") or {}).get("name"),
        "seed": run.get("seed"),
        "status": ended.status if ended else reader.status().name,
        "epochs": len(history.epochs),
        "best_epoch": best.epoch if best else None,
        **(_regression(reader) if run.get("task") == "regression" else _classification(history)),
        **_own(history),
        "parameters": attempt.parameters if attempt else None,
        "samples_per_second": training_speed(history),
        "train_seconds": history.train_seconds,
        "mode": (attempt.mode or None) if attempt else None,
        "precision": (run.get("config") or {}).get("precision"),
        "us_per_step": step_micros(history),
        **_used(reader),
        "weights_sha256": ended.weights_sha256 if ended else None,
        "parent": run.get("parent"),
        "parent_step": (run.get("fork") or {}).get("step"),
        "command": shlex.join(confidential.mask_command(run.get("command") or [])),
        "versions": attempt.versions if attempt else {},
    }
    return found | {name: value for name, value in receipt(reader).items() if name not in found}


def _used(reader: RunReader) -> dict[str, Any]:
    """The energy of the run, and its price where the settings have prices."""
    found = cost.cost(reader.history, reader.live(), cost.own_prices())
    return {"gpu_wh": found.gpu_wh, "cpu_wh": found.cpu_wh, "cost": found.money, "currency": found.currency or None}


def _classification(history: History) -> dict[str, Any]:
    test = history.test["metrics"] if history.test else {}
    return {
        "validation_accuracy": history.best.validation.get("accuracy") if history.best else None,
        "test_accuracy": test.get("accuracy"),
        "test_loss": test.get("loss"),
    }


def _own(history: History) -> dict[str, Any]:
    """The model's own metrics, and its own loss."""
    known = {"accuracy", "mse"} if history.own_loss else {"loss", "accuracy", "mse"}
    validation = history.best.validation if history.best else {}
    test = history.test["metrics"] if history.test else {}
    splits = {"validation": validation, "test": test}
    return {
        f"{split}_{name}": value
        for split, metrics in splits.items()
        for name, value in metrics.items()
        if name not in known
    }


def _regression(reader: RunReader) -> dict[str, Any]:
    history, found = reader.history, latest(reader)
    line = found.fit.line if found and found.fit else None
    return {
        "validation_mse": history.best.validation.get("mse") if history.best else None,
        "test_mse": history.test["metrics"].get("mse") if history.test else None,
        "slope": line[0] if line else None,
        "intercept": line[1] if line else None,
    }


def export(reader: RunReader, target: Path) -> None:
    record = {key: _plain(value) for key, value in summary(reader).items()}
    fs.write_atomic(target, (json.dumps(record, indent=2, ensure_ascii=True) + "\n").encode())


def _plain(value: Any) -> Any:
    """The value with NaN and infinities replaced by None, which JSON can express."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
