"""Table: a run's settings and results, as a flat JSON object that scripts rely on."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.analysis import cost
from dltui.core.analysis.evaluation import latest
from dltui.core.lifecycle.proof.receipt import receipt
from dltui.core.numbers import plain_json
from dltui.core.reading.summary import device_of, ranks_of, step_micros, training_speed
from dltui.core.rundir import confidential, place
from dltui.core.tasks.registry import task_of

if TYPE_CHECKING:
    from dltui.core.analysis.regression import Fit
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.tasks.definition import TaskDefinition


def summary(reader: RunReader) -> dict[str, Any]:
    """The settings and results of a run, with all that its repetition needs; None for unknown values."""
    run, history = reader.run, reader.history
    attempt, best, ended = history.attempt, history.best, history.ended
    task = task_of(run.get("task"))
    found = {
        "run_id": reader.directory.id,
        "run_token": place.identity(reader.directory),
        "model": run.get("model"),
        "framework": run.get("framework"),
        "dataset": run.get("dataset"),
        "device": device_of(run, history),
        "ranks": ranks_of(run, history),
        "seed": run.get("seed"),
        "status": ended.status if ended else reader.status().name,
        "epochs": history.epochs_done,
        "best_epoch": best.epoch if best else None,
        **_shown(history, task),
        **(_line(reader) if task.inside == "fit" else {"test_loss": _test(history).get("loss")}),
        **_further(history, task),
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


def _test(history: History) -> dict[str, float]:
    """All metrics of the test split; none before its evaluation."""
    return {**history.test["metrics"], **history.test["more"]} if history.test else {}


def _shown(history: History, task: TaskDefinition) -> dict[str, Any]:
    """The metrics that every run of the task has, beside its loss."""
    validation, test = history.best.validation if history.best else {}, _test(history)
    names = [metric.name for metric in task.metrics[1:]]
    best = {f"validation_{name}": validation.get(name) for name in names}
    return best | {f"test_{name}": test.get(name) for name in names}


def _further(history: History, task: TaskDefinition) -> dict[str, Any]:
    """The task's further metrics, the model's own metrics, and its own loss."""
    known = {metric.name for metric in task.metrics} - ({"loss"} if history.own_loss else set())
    validation = {**history.best.validation, **history.best.more} if history.best else {}
    return {
        f"{split}_{name}": value
        for split, metrics in (("validation", validation), ("test", _test(history)))
        for name, value in metrics.items()
        if name not in known
    }


def _line(reader: RunReader) -> dict[str, Any]:
    found = latest(reader)
    fit = found.fit if found else None
    line = fit.line if fit else None
    told = {"slope": line[0] if line else None, "intercept": line[1] if line else None}
    # A target with a name may be learned on a scale of its own, in which the metrics are.
    return told | ({"targets": _targets(fit)} if fit and (any(fit.names) or len(fit.names) > 1) else {})


def _targets(fit: Fit) -> dict[str, dict[str, float | None]]:
    """The errors of each target in its own units."""
    fits = [fit.of(number) for number in range(fit.y.shape[1])]
    return {one.title: {name: plain_json(getattr(one, name)) for name in ("mse", "mae", "r2")} for one in fits}


def export(reader: RunReader, target: Path) -> None:
    text = json.dumps(plain_json(summary(reader)), indent=2, allow_nan=False)
    fs.write_atomic(target, (text + "\n").encode())
