"""The event that says how an attempt begins: where, with what data, model and versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dltui.core.data.findings import dropped
from dltui.core.machine import process
from dltui.core.machine.devices import cpu_count
from dltui.core.rundir.events import AttemptStarted
from dltui.core.train import evaluation
from dltui.core.version import __version__
from dltui.core.worker import fingerprint

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Data
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.train.loop import Loop


def started(
    run: RunDirectory, asked: dict[str, Any], loop: Loop, backend: Backend, data: Data, resumed_from: str | None
) -> AttemptStarted:
    """The event of a loop that is about to train; `asked` is run.json as the attempt understands it, `resumed_from` the
    name of the checkpoint that it goes on from.
    """
    here = process.current()
    layers = [asdict(layer) for layer in loop.trainable.layers()]
    planner = loop.planner
    return AttemptStarted(
        start_step=loop.step,
        start_epoch=loop.at.epoch,
        epochs=planner.epochs,
        steps_per_epoch=planner.steps_per_epoch,
        total_steps=planner.total_steps,
        batch_size=planner.batch,
        resumed_from=resumed_from,
        host=here.host,
        pid=here.pid,
        user=process.user(),
        device=asked["device"],
        framework=backend.framework,
        versions=_versions(backend.package),
        threads=planner.config.threads or getattr(loop.trainable, "threads", 0) or cpu_count(),
        dataset=_describe(data, asked),
        monitor=asdict(loop.monitor),
        parameters=sum(layer["parameters"] for layer in layers),
        layers=layers,
        plugin=fingerprint.plugin(asked["model_source"]),
        run_sha256=hashlib.sha256(run.run_json.read_bytes()).hexdigest(),
        own_loss=evaluation.has_own_loss(loop.trainable),
        config=dict(asked["config"]),
        mode=str(getattr(loop.trainable, "mode", "")),
    )


def _versions(package: str) -> dict[str, str]:
    versions = {"python": platform.python_version(), "dltui": __version__}
    for name in ("numpy", package):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # A variant under another name, like tensorflow-cpu.
            versions[name] = str(getattr(sys.modules.get(name), "__version__", "unknown"))
    return versions


def _describe(data: Data, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": asked["dataset"],
        "fingerprint": data.fingerprint,
        "classes": list(data.spec.classes),
        "input_shape": list(data.spec.input_shape),
        "task": data.spec.task,
        "outputs": data.spec.outputs,
        "mean": list(data.spec.mean),
        "std": list(data.spec.std),
        "targets": [asdict(target) for target in data.spec.targets],
        "columns": [asdict(column) for column in data.spec.columns],
        "named_inputs": [asdict(one) for one in data.spec.named_inputs],
        "sizes": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "options": asked["dataset_options"],
        "inputs": dict(data.inputs),
        **dropped.summary(asked),
    }
