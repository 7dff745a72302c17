"""The tasks that there are, by name, and what is known of metrics by name."""

from __future__ import annotations

from dltui.core.tasks.classification import CLASSIFICATION
from dltui.core.tasks.definition import TaskDefinition
from dltui.core.tasks.multilabel import MULTILABEL
from dltui.core.tasks.regression import REGRESSION
from dltui.core.tasks.segmentation import SEGMENTATION

TASKS: dict[str, TaskDefinition] = {task.name: task for task in (CLASSIFICATION, MULTILABEL, REGRESSION, SEGMENTATION)}

_METRICS = {metric.name: metric for task in TASKS.values() for metric in (*task.metrics, *task.reported)}


def task_of(name: object) -> TaskDefinition:
    """The task that a run names; classification where that is not known."""
    return TASKS.get(str(name), CLASSIFICATION)


def lowest_is_best(name: str, mode: object = None) -> bool:
    """True for a metric whose lowest value is best: by `mode`, "min" or "max", which the monitor of a run has, else
    for errors. Without a mode nothing is known of the metrics of a model's own: only accuracies are taken for scores.
    """
    if mode in ("min", "max"):
        return mode == "min"
    return _METRICS[name].lowest if name in _METRICS else not name.endswith("accuracy")


def is_error(name: str) -> bool:
    """True for a metric of dltui's whose lowest value is best, also where a model measures one of that name itself."""
    return name in _METRICS and _METRICS[name].lowest


def phrase(name: str) -> str:
    """The title of a metric within a line: "mean squared error", "AUROC"."""
    words = title(name)
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def title(name: str) -> str:
    """The title of a metric: "Mean squared error"; its name where it is a model's own."""
    return _METRICS[name].title if name in _METRICS else name
