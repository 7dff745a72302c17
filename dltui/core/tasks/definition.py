"""The definition of a task: all that core, backends, screens and figures ask about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from dltui.core.tasks.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array

Targets = Literal["class", "labels", "numbers", "masks"]
"""The targets of a sample: the number of its class, 0 or 1 for each label, float32 numbers, or the class of each
pixel."""
Inside = Literal["classes", "labels", "fit", "masks"]
"""The tabs and figures that fit the predictions of a task."""


class Arithmetic(Protocol):
    """The part of a task that computes, in a module that imports NumPy."""

    def measure(self, outputs: Array, targets: Array, spec: Spec | None = None) -> dict[str, float]:
        """The metrics of a whole split that are shown everywhere, the loss first."""

    def report(
        self, outputs: Array, targets: Array, names: Collection[str], spec: Spec | None = None
    ) -> dict[str, float]:
        """Those of the further metrics with these names that the data allows."""

    def checked(self, part: str, y: Array, classes: Sequence[str]) -> Array:
        """The targets of a part of a dataset in their stored form. Raises RunError naming the part and the row."""

    def check_train(self, y: Array, others: Array, classes: Sequence[str]) -> list[str]:
        """Check the checked targets of the train part, and that those of another part fit. Returns remarks for the
        user, a line each. Raises RunError.
        """

    def empty(self, rows: int, spec: Spec) -> Array:
        """Targets for rows whose targets are not known, such as those to be predicted."""

    # Optional: `gather(pieces, targets)` makes one object of the outputs of a whole split, given some rows at a time,
    # where they would take too much room: `measure`, `report` and `predictions` take it in place of the outputs.

    def predictions(self, outputs: Array, split: Split, spec: Spec | None = None) -> dict[str, Array]:
        """The arrays of a predictions file beside ids, split and epoch."""

    def answers(self, outputs: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
        """The outputs of samples as `dltui predict` tells them, a record each."""

    def remark(self, outputs: Array) -> str:
        """A line about outputs of an untrained network that look wrong; "" if they do not."""


@dataclass(frozen=True)
class TaskDefinition:
    """A task. `metrics` are shown everywhere, `reported` are recorded beside them; `monitor` names the metric by which
    the best epoch is chosen unless a model or a user says otherwise. `arrays` are always in its predictions files.
    `options` are the hyperparameters that only some
    tasks know and this one does. `module` is its `Arithmetic`. `batch_metric` is measured of each training batch: the
    metric that is shown beside the loss, unless a batch is too small for that one.
    """

    name: str
    module: str
    targets: Targets
    inside: Inside
    metrics: tuple[Metric, ...]
    reported: tuple[Metric, ...]
    monitor: str
    arrays: frozenset[str]
    options: frozenset[str] = frozenset()
    batch_metric: str = ""

    @property
    def has_classes(self) -> bool:
        """True if an output is about a class, which has a name."""
        return self.targets != "numbers"

    @property
    def in_tables(self) -> bool:
        """True if the target of a sample can stand in a row of a table."""
        return self.targets != "masks"

    @property
    def least_classes(self) -> int:
        """The number of classes without which there is nothing to learn."""
        return {"class": 2, "labels": 1, "numbers": 0, "masks": 2}[self.targets]

    @property
    def metric(self) -> str:
        """The metric that is shown beside the loss."""
        return self.metrics[1].name

    @property
    def trained_metric(self) -> str:
        """The metric of training batches."""
        return self.batch_metric or self.metric

    def output_shape(self, spec: Spec) -> tuple[int, ...]:
        """The shape of a network's outputs for a sample: `spec.outputs` numbers, or so many for each pixel."""
        return (*spec.input_shape[:2], spec.outputs) if self.targets == "masks" else (spec.outputs,)

    def gather(self, pieces: Iterable[Array], targets: Array) -> Any:
        """The outputs of a whole split from those of its rows: an array, or what the task keeps of them."""
        own = getattr(self.arithmetic, "gather", None)
        if own is not None:
            return own(pieces, targets)
        import numpy as np

        return np.concatenate(list(pieces))

    @property
    def arithmetic(self) -> Arithmetic:
        return cast("Arithmetic", import_module(self.module))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all metrics that dltui measures for the task."""
        return tuple(metric.name for metric in (*self.metrics, *self.reported))
