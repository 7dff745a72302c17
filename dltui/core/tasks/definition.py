"""The definition of a task: all that core, backends, screens and figures ask about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from dltui.core.tasks.metric import Metric

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


class Arithmetic(Protocol):
    """The part of a task that computes, in a module that imports NumPy."""

    def measure(self, outputs: Array, targets: Array) -> dict[str, float]:
        """The metrics of a whole split that are shown everywhere, the loss first."""

    def report(self, outputs: Array, targets: Array, names: Collection[str]) -> dict[str, float]:
        """Those of the further metrics with these names that the data allows."""


@dataclass(frozen=True)
class TaskDefinition:
    """A task. `metrics` are shown everywhere, `reported` are recorded beside them; `monitor` names the metric by which
    the best epoch is chosen unless a model or a user says otherwise. `module` is its `Arithmetic`.
    """

    name: str
    module: str
    metrics: tuple[Metric, ...]
    reported: tuple[Metric, ...]
    monitor: str

    @property
    def arithmetic(self) -> Arithmetic:
        return cast("Arithmetic", import_module(self.module))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all metrics that dltui measures for the task."""
        return tuple(metric.name for metric in (*self.metrics, *self.reported))
