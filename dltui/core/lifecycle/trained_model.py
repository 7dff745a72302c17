"""Loads a trained model from its run directory, without its dataset."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.contract import Data, Input, Spec, Split
from dltui.core.contract.inputs import table_of
from dltui.core.contract.state import best_weights
from dltui.core.data.preparation import Preparation
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import trust
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Model, Spec, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, State
    from dltui.core.rundir.directory import RunDirectory

AS_TRAINED = {"deterministic": False, "ema": 0.0, "precision": "fp32", "class_weights": ""}
"""What takes the place of hyperparameters: settings of a GPU mean nothing here, averaged weights are the weights,
weights are fp32 in every precision, and no class has a weight where all rows are of one. It is not validated: an
author's bounds are those of training.
"""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with the weights that gave the test result; `state` has them under neutral names."""

    model: Model
    backend: Backend
    config: TrainConfig
    spec: Spec
    reading: Mapping[str, Any]
    """The arguments of `image_file.read` as they were in training; see `image_reading`."""
    state: State
    table: tuple[Input, ...] = ()
    """The columns of a table whose rows are a single input; () for all other data."""

    def trainable(self, x: Array) -> Trainable:
        """A trainable on the CPU, with the best weights, and `x` (dtype and shape as in `Split`) as its test split."""
        part = self._split(x)
        found = self.backend.trainable(self.model, self.config, Data("given", self.spec, part, part, part, ""), "cpu")
        found.load_state(best_weights(self.state))
        return found

    def _split(self, x: Array) -> Split:
        y = TASKS[self.spec.task].arithmetic.empty(len(x), self.spec)
        return Split(x, y, np.arange(len(x), dtype=np.int64))


def load_trained_model(run: RunDirectory, instead: Mapping[str, Any]) -> TrainedModel:
    """Load the model of a run with its best validation weights; `instead` replaces fields of run.json. Raises RunError
    when there is no checkpoint yet.
    """
    asked, reader = {**run.run(), **instead}, RunReader(run)
    reader.refresh()
    # Read at once: the worker of a run that trains replaces its checkpoints.
    found = checkpoint.chosen(
        run, lambda: checkpoint.read_if_any(checkpoint.find_best(run) or checkpoint.find_latest(run))
    )
    if found is None or reader.history.attempt is None:
        raise RunError(f"{run.id} has no checkpoint yet")
    model = plugin_loader.load_model(asked["model_source"], asked["model"])
    backend = plugin_loader.load_backend(asked["backend_source"], model.framework)
    config = validated(model.config, asked["config"]).model_copy(update=AS_TRAINED)
    dataset = reader.history.attempt.dataset
    spec = _spec(asked, dataset)
    reading = image_reading(asked, dataset, spec.input_shape)
    return TrainedModel(model, backend, config, spec, reading, found.state, table_of(dataset))


def _spec(asked: Mapping[str, Any], dataset: dict[str, Any]) -> Spec:
    """The shape of the data from the log; for runs of older versions from the dataset."""
    if "mean" not in dataset:
        if not asked.get("dataset_source"):
            raise RunError(f"dataset {clean_line(asked['dataset'], 80)} is not installed here")
        return Preparation(asked).data(lambda _: None).spec
    return Spec.from_json(dataset)


def image_reading(asked: Mapping[str, Any], dataset: Mapping[str, Any], input_shape: Sequence[int]) -> dict[str, Any]:
    """The arguments of `image_file.read` as they were in training; {} for data that is not images.

    For runs of older versions they follow from the options; for datasets not made from image files, images are
    stretched.
    """
    if len(input_shape) != 3 or dataset.get("named_inputs"):
        return {}
    known = (dataset.get("inputs") or {}).get("image")
    if known:
        return dict(known)
    height, width, channels = input_shape
    folder = (asked.get("dataset_plugin") or asked["dataset"]) == "folder"
    fit = (asked.get("dataset_options") or {}).get("fit", "crop") if folder else "stretch"
    return {"height": height, "width": width, "channels": channels, "fit": fit, "range": [0, 65535]}


def ask(run: RunDirectory, question: Mapping[str, Any], code: trust.Code = trust.AS_NAMED) -> dict[str, Any]:
    """Ask a process of the run's interpreter, or of this user's own interpreter when the run belongs to another user.
    Raises RunError with its one-line message, UsageError for code that is missing and for files that cannot be used.
    """
    command, environment, instead = _process(run, code, data="look" in question)
    done = subprocess.run(
        command,
        input=json.dumps({**question, "instead": instead}),
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        check=False,
    )
    try:
        answer = dict(json.loads((done.stdout.splitlines() or ["{}"])[-1]))
    except ValueError:
        answer = {}
    if done.returncode or not answer:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        kind = UsageError if answer.get("exit_code") == UsageError.exit_code else RunError
        raise kind(clean_line(answer.get("error") or f"{run.id}: {last}", 400))
    return answer


def _process(run: RunDirectory, code: trust.Code, data: bool) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """The command and the environment of a process for the run's model, and what holds in place of run.json."""
    trust.admit(run, code)
    instead = {} if trust.keeps(run, code) else trust.replaced(run, trust.catalog(run, code), code, data=data)
    asked = {**run.run(), **instead}
    command = [asked["python"], "-P", "-m", "dltui.core.lifecycle.model_process", str(run.path)]
    return command, {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}, instead


class Conversation:
    """A process with a run's model that answers question after question about single images, until it is closed; see
    `inside.one_image`.
    """

    def __init__(self, run: RunDirectory, code: trust.Code = trust.AS_NAMED) -> None:
        """Start the process. Raises UsageError for code that is missing."""
        command, environment, instead = _process(run, code, data=True)
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*command, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            errors="replace",
            env=environment,
        )
        self._first: dict[str, Any] | None = {"instead": instead}

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question. Raises RunError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            for one in filter(None, (self._first, question)):
                self._process.stdin.write(json.dumps(one) + "\n")
            self._first = None
            self._process.stdin.flush()
            answer = dict(json.loads(self._process.stdout.readline()))
        except (OSError, ValueError):
            raise RunError(clean_line(self._last_words(), 400)) from None
        if "error" in answer:
            raise RunError(clean_line(answer["error"], 400))
        return answer

    def _last_words(self) -> str:
        code = self._process.poll()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"the process with the model has ended (exit code {code})"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._errors.close()
