"""One framework in a process of its own, for comparing twins: `python -m tests.plugins.twin_child JOBS.json`.

A job names framework, model (with a task behind it: "mlp multilabel"), config and dtype, `start` (an .npz of weights to
begin from, or null) and `result` (the .npz to write: weights at the start and at the end, logits of the test images
before and after, losses and metrics).
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.checks.conformance import named_samples
from dltui.core.contract import Data, Input, Spec, Split, Target, Trainable
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.plan import Planner

if TYPE_CHECKING:
    from dltui.core.contract.types import State

IMAGES = 200
TABLE = (*named_samples.SHAPES["table"][0], Input("text", (9,), "int32", (30,), padded=True, tokens="word"))
"""A text beside numbers and categories."""
NAMED = {
    "tabular": TABLE,
    "lstm": named_samples.SHAPES["sequence"][0],
    "transformer": named_samples.SHAPES["sequence"][2],
}


def make_data(spec: Spec, samples: int = 640) -> Data:
    """Random images or features with random targets, the same in every process."""
    random = np.random.default_rng(7)

    def split(count: int, first: int) -> Split:
        if spec.is_image:
            x = random.integers(0, 256, (count, *spec.input_shape), dtype=np.uint8)
        else:
            x = random.normal(size=(count, *spec.input_shape)).astype(np.float32)
        if spec.task == "classification":
            y = random.integers(0, spec.outputs, count)
        elif spec.task == "multilabel":
            y = random.integers(0, 2, (count, spec.outputs), dtype=np.uint8)
        elif spec.task == "segmentation":
            y = random.integers(0, spec.outputs, (count, *spec.input_shape[:2]), dtype=np.uint8)
            y[random.random(y.shape) < 0.1] = IGNORED
        else:
            y = random.normal(size=(count, spec.outputs)).astype(np.float32)
        return Split(x, y, np.arange(first, first + count))

    return Data("random", spec, split(samples, 0), split(50, samples), split(IMAGES, samples + 50), "none")


def image_spec(height: int = 28, channels: int = 1, classes: int = 10) -> Spec:
    names = tuple(f"class {number}" for number in range(classes))
    return Spec("classification", (height, height, channels), classes, names, (127.5,) * channels, (74.0,) * channels)


def make_trainable(framework: str, name: str, config: dict[str, Any], data: Data, dtype: str) -> tuple[Trainable, Any]:
    """A built-in model on the CPU, and its config as checked."""
    plugin = importlib.import_module(f"dltui.plugins.{framework}")
    model = next(model for model in plugin.dltui_models() if model.name == name)
    checked = model.config.model_validate(config)
    if framework == "torch":
        import torch

        from dltui.plugins.torch import session
        from dltui.plugins.torch.trainable import TorchTrainable

        return TorchTrainable(model.build, checked, data, session.start(checked, "cpu"), getattr(torch, dtype)), checked
    from dltui.plugins.tensorflow.session import import_framework

    import_framework()
    import keras

    keras.config.set_floatx(dtype)
    return plugin.dltui_backends()[0].trainable(model, checked, data, "cpu"), checked


def weights(state: State, prefix: str) -> State:
    return {prefix + key: array for key, array in state.items() if key.startswith("weights/")}


def run(job: dict[str, Any]) -> None:
    regression = Spec("regression", (3,), 2, (), (0.0, 1.0, 2.0), (1.0, 2.0, 3.0))
    name, _, task = job["model"].partition(" ")
    named = NAMED.get(name)
    spec = regression if name == "linear-regression" else image_spec()
    task = "segmentation" if name == "unet" else task
    spec = replace(spec, task=task or spec.task)
    if name == "unet":
        # A side that cannot be halved twice.
        spec = replace(spec, input_shape=(10, 8, 1), outputs=3, classes=spec.classes[:3])
    if task == "regression":
        spec = replace(spec, targets=tuple(Target(f"target {n}", n, n + 0.5) for n in range(spec.outputs)))
    data = named_samples.of(spec.task, named, 3, 640) if named else make_data(spec)
    trainable, config = make_trainable(job["framework"], name, job["config"], data, job["dtype"])
    if job["start"]:
        with np.load(job["start"]) as file:
            trainable.load_state({key.removeprefix("start/"): file[key] for key in file if key.startswith("start/")})
    result = weights(trainable.state(), "start/")
    result["logits"] = trainable.predict("test", slice(0, IMAGES))
    if name.startswith("cnn"):
        backend = importlib.import_module(f"dltui.plugins.{job['framework']}").dltui_backends()[0]
        rows, classes = slice(3, 40), np.arange(2 * 37).reshape(37, 2) % spec.outputs
        result["heat_maps"] = backend.heat_maps(trainable, rows, classes)
        result["embeddings"] = backend.embeddings(trainable, rows)
    planner = Planner(config, len(data.train))
    losses, marks = [], []
    for epoch in range(planner.epochs):
        trainable.begin_epoch(planner.epoch(epoch))
        stats = trainable.advance(planner.steps_per_epoch)
        losses.append(stats.loss)
        marks += stats.metrics.values()
    result["losses"], result["marks"] = np.concatenate(losses), np.concatenate(marks)
    result |= weights(trainable.state(), "end/")
    result["logits_after"] = trainable.predict("test", slice(0, IMAGES))
    np.savez(job["result"], **result)


if __name__ == "__main__":
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        run(job)
