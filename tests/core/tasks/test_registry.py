"""Every task has all that a task needs: a new one that lacks a part is named here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dltui.core.checks.conformance import exporting, pieces, samples
from dltui.core.contract.types import Task
from dltui.core.errors import RunError
from dltui.core.tasks.classification import arithmetic
from dltui.core.tasks.registry import TASKS, lowest_is_best, task_of, title

PLUGINS = Path(__file__).parents[3] / "dltui" / "plugins"


def _keys(file: Path, table: str) -> set[str]:
    """The keys of a table in a module, which is not imported: that would import a framework."""
    for node in ast.parse(file.read_text()).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == table and isinstance(value := node.value, ast.Dict):  # type: ignore[attr-defined]
            return {ast.literal_eval(key) for key in value.keys if key is not None}
    return set()


def test_the_names_of_tasks_are_those_of_the_contract() -> None:
    assert set(get_args(Task)) == set(TASKS)
    assert task_of("no-such").name == task_of(None).name == "classification"


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
@pytest.mark.parametrize("table", ["STANDARD", "MARKS"])
def test_every_backend_has_a_loss_and_a_batch_metric_for_every_task(framework: str, table: str) -> None:
    assert _keys(PLUGINS / framework / "losses.py", table) == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_there_is_data_to_try_a_figure_of_every_task(name: str, tmp_path: Path) -> None:
    assert name in pieces.SMALL
    dataset, words = exporting.data_for(name, tmp_path)
    assert dataset in exporting.DATASETS.values() or (tmp_path / "vectors.csv").read_text().count("\n") > 50
    assert bool(words) == (name == "multilabel")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_complete(name: Task) -> None:
    task = TASKS[name]
    assert task.metrics[0].name == "loss"
    assert task.monitor in {metric.name for metric in task.metrics}
    data = samples.make(name, *samples.SHAPES[name][0])
    shape = (len(data.train), *task.output_shape(data.spec))
    outputs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    arithmetic = task.arithmetic
    assert list(arithmetic.measure(outputs, data.train.y, data.spec)) == [metric.name for metric in task.metrics]
    known = {metric.name for metric in task.reported}
    assert set(arithmetic.report(outputs, data.train.y, known, data.spec)) <= known
    assert task.arrays <= set(arithmetic.predictions(outputs, data.train))
    checked = arithmetic.checked("train", data.train.y, data.spec.classes)
    arithmetic.check_train(checked, checked, data.spec.classes)
    assert arithmetic.empty(3, data.spec).shape[1:] == checked.shape[1:]
    assert len(arithmetic.answers(outputs[:2], data.spec.classes)) == 2
    assert arithmetic.remark(outputs) == ""


def test_metrics_have_titles_and_directions() -> None:
    assert (title("mse"), title("own")) == ("Mean squared error", "own")
    assert lowest_is_best("calibration_error")
    assert not lowest_is_best("f1")
    assert lowest_is_best("own")
    assert not lowest_is_best("own_accuracy")


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        (np.array(["cat", "dog"]), r"number them from 0, and give their names as Arrays\(classes=\.\.\.\)"),
        (np.eye(2), r"y\.argmax\(axis=1\) makes them of one-hot rows"),
        (np.array([0.0, 1.0]), r"y\.astype\(int\) makes them"),
    ],
)
def test_labels_that_are_none_are_refused_with_the_way_to_them(y: np.ndarray, remedy: str) -> None:
    with pytest.raises(RunError, match=rf"train labels must be whole numbers in one dimension, got .*; {remedy}"):
        arithmetic.checked("train", y, ("cat", "dog"))
