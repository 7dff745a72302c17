"""A trained model brought back to life from its run directory, without its dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core import checkpoint, manager
from dltui.core.contract import Data, Spec, Split
from dltui.core.errors import RunError
from dltui.core.preparation import Preparation
from dltui.core.reader import RunReader

if TYPE_CHECKING:
    from dltui.core.config import TrainConfig
    from dltui.core.contract import Array, Backend, Model, State, Trainable
    from dltui.core.rundir import RunDirectory


@dataclass(frozen=True)
class Revived:
    """What is needed to use the weights that gave the test result; `state` has them under neutral names."""

    model: Model
    backend: Backend
    config: TrainConfig
    spec: Spec
    state: State

    def trainable(self, x: Array) -> Trainable:
        """On the CPU, with the best weights, and `x` (dtype and shape as in `Split`) as its test split."""
        part = self._split(x)
        found = self.backend.trainable(self.model, self.config, Data("given", self.spec, part, part, part, ""), "cpu")
        found.load_state({name: array for name, array in self.state.items() if name.startswith("weights/")})
        return found

    def _split(self, x: Array) -> Split:
        classes = self.spec.task == "classification"
        y = np.zeros(len(x), np.int64) if classes else np.zeros((len(x), self.spec.outputs), np.float32)
        return Split(x, y, np.arange(len(x), dtype=np.int64))


def revive(run: RunDirectory) -> Revived:
    """The model of a run as it was best on validation. Raises RunError when there is no checkpoint yet."""
    asked, reader = run.run(), RunReader(run)
    reader.refresh()
    path = checkpoint.find_best(run) or checkpoint.find_latest(run)
    if path is None or reader.history.attempt is None:
        raise RunError(f"{run.id} has no checkpoint yet")
    model = manager.load_model(asked["model_source"], asked["model"])
    backend = manager.load_backend(asked["backend_source"], model.framework)
    # GPU settings mean nothing here.
    config = model.config.model_validate({**asked["config"], "deterministic": False})
    state, _ = checkpoint.load(path)
    return Revived(model, backend, config, _spec(run, reader.history.attempt.dataset), state)


def _spec(run: RunDirectory, dataset: dict[str, Any]) -> Spec:
    """As the log has it; runs of older versions ask their dataset."""
    if "mean" not in dataset:
        return Preparation(run.path).data(lambda _: None).spec
    known = ("task", "input_shape", "outputs", "classes", "mean", "std")
    given: dict[str, Any] = {name: tuple(v) if isinstance(v := dataset[name], list) else v for name in known}
    return Spec(**given)
