"""The model under test, and the exception by which a check reports a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.checks.conformance import named_samples, samples
from dltui.core.errors import RunError
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.tasks.registry import TASKS

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Data, Input, Model, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, State
    from dltui.core.tasks.monitor import Monitor

    Shapes = tuple[tuple[samples.Shape, int], ...]

BATCH = 32
PRETRAINED = "pretrained"
"""The hyperparameter by which a model begins with pretrained weights, or without."""
NO_EXAMPLE = (
    "a model that takes named inputs needs Model(example=(Input(...), ...)), the inputs that it is checked with"
)


class CheckFailed(Exception):
    """A problem of the model and what to do about it, in one line."""


@dataclass
class Subject:
    """A model with the backend of its framework."""

    model: Model
    backend: Backend
    source: Mapping[str, Any] = field(default_factory=dict)
    """The source of the model's code."""
    named: tuple[Input, ...] = ()
    """The named inputs of the data that it was built for last."""

    @property
    def monitor(self) -> Monitor:
        return choose_monitor(self.model.task, self.model.monitor)

    def other_tasks(self) -> list[Subject]:
        """The model for each task that it can also be built for."""
        others = [replace(self.model, task=task, also=(), metrics=None, monitor="") for task in self.model.also]
        return [Subject(model, self.backend, self.source) for model in others]

    def is_own(self, error: Exception) -> bool:
        """True if the model's own code raised the error."""
        return plugin_loader.is_raised_by(error, self.source)

    def place(self, error: Exception) -> str:
        """The line of the model's own code that raised the error: ` (net.py line 3)`."""
        return plugin_loader.line_in_plugin(error, self.source)

    def config(self, **values: Any) -> TrainConfig:
        """The model's defaults with small batches, updated with these values, which are not validated: what is checked
        here is another thing than the bounds for which a run is made. Raises PluginError for defaults that it refuses.
        """
        # Pretrained weights would be downloaded, and make a network large that small images suffice for.
        plain = {PRETRAINED: False} if self.begins_trained else {}
        return validated(self.model.config, {}).model_copy(update={"batch_size": BATCH, **plain, **values})

    @property
    def begins_trained(self) -> bool:
        """True for a model that begins with pretrained weights unless they are declined."""
        return PRETRAINED in self.model.config.model_fields

    @cached_property
    def takes_images(self) -> bool:
        """True for a model that needs images, and for one with classes, unless it builds for vectors alone."""
        task = self.model.task
        if "single" not in self.model.takes:
            return False
        if self.model.needs_images:
            return True
        if task not in samples.VECTORS:
            return TASKS[task].has_classes
        return self._builds(samples.SHAPES[task]) is not None or self._builds(samples.VECTORS[task]) is None

    def shapes(self) -> Shapes:
        task, named = self.model.task, self.named_shapes()
        if "single" not in self.model.takes:
            return named
        if self.model.needs_images:
            return (*named, *samples.IMAGES[task])
        vectors = task in samples.VECTORS and not self.takes_images
        return (*named, *(samples.VECTORS[task] if vectors else samples.SHAPES[task]))

    def named_shapes(self) -> tuple[tuple[tuple[Input, ...], int], ...]:
        """Named inputs of the kinds that the model takes, and those that it declares as its example."""
        found = [self.model.example] if self.model.example else []
        found += [named for kind in self.model.takes for named in named_samples.SHAPES.get(kind, ())]
        if not found and "named" in self.model.takes:
            raise CheckFailed(NO_EXAMPLE)
        outputs = named_samples.OUTPUTS[self.model.task]
        return tuple((named, outputs[number % len(outputs)]) for number, named in enumerate(found))

    def data(self) -> Data:
        """Data of the first shape that the model takes."""
        shapes = self.shapes()
        return samples.make(self.model.task, *(self._builds(shapes) or shapes[0]))

    def _builds(self, shapes: Shapes) -> tuple[samples.Shape, int] | None:
        for shape in shapes:
            try:
                self.trainable(samples.make(self.model.task, *shape), self.config())
            except Exception:
                continue
            return shape
        return None

    def refusal(self, shape: tuple[int, ...], outputs: int) -> str:
        """What the model says of data that it refuses by a RunError of its own; "" for data that it takes."""
        try:
            self.trainable(samples.make(self.model.task, shape, outputs), self.config())
        except RunError as error:
            return str(error) if self.is_own(error) else ""
        except Exception:
            return ""
        return ""

    def trainable(self, data: Data, config: TrainConfig) -> Trainable:
        self.named = data.spec.named_inputs
        return self.backend.trainable(self.model, config, data, "cpu")


def expect(holds: bool, text: str) -> None:
    """Raise CheckFailed with the message unless the condition holds."""
    if not holds:
        raise CheckFailed(text)


def difference(one: Mapping[str, Array], other: Mapping[str, Array]) -> str:
    """A description of the first difference between two states; "" where they are equal to the last bit."""
    odd = sorted(set(one) ^ set(other))
    if odd:
        return f"{odd[0]} is only in one of both"
    for name in one:
        if not np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f"):
            return f"{name} differs"
    return ""


def weights(state: State) -> State:
    return {name: array for name, array in state.items() if name.startswith("weights/")}
