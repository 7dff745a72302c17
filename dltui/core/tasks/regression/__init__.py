"""Regression: each sample has one or several numbers; outputs and targets are (n, targets)."""

from dltui.core.tasks.definition import TaskDefinition
from dltui.core.tasks.metric import Metric

REGRESSION = TaskDefinition(
    name="regression",
    module="dltui.core.tasks.regression.arithmetic",
    targets="numbers",
    inside="fit",
    metrics=(Metric("loss", "Loss", lowest=True), Metric("mse", "Mean squared error", lowest=True)),
    reported=(Metric("mae", "Mean absolute error", lowest=True), Metric("r2", "R²")),
    monitor="loss",
    arrays=frozenset(("x", "y", "prediction")),
    options=frozenset(("mirror_test",)),
)
