"""The fake really learns, repeats itself exactly and continues from its state as if nothing had happened."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Arrays, Data, Spec, Split, Trainable
from dltui.core.errors import RunError
from dltui.core.train.metrics import measure
from dltui.core.train.plan import Planner
from tests.fakes import fake_plugin as fake


class Context:
    data_dir = None
    data_dirs = ()

    def progress(self, text: str, fraction: float | None = None) -> None:
        assert text


def data(task: str) -> Data:
    arrays: Arrays
    if task == "classification":
        arrays = fake.make_blobs(fake.BlobsOptions(), Context())  # type: ignore[arg-type]
        spec = Spec("classification", (8, 8, 1), 3, arrays.classes, (60.0,), (60.0,))
    else:
        arrays = fake.make_slope(fake.SlopeOptions(), Context())  # type: ignore[arg-type]
        spec = Spec("regression", (1,), 1)
    train, test = (Split(x, y, np.arange(len(y))) for x, y in (arrays.train, arrays.test))
    return Data("fake", spec, train, test, test, "none")


def make(task: str, **changes: Any) -> tuple[Any, Data, Planner]:
    model = fake.dltui_models()[0 if task == "classification" else 1]
    config = model.config(**changes)
    here = data(task)
    trainable = fake.NumpyBackend().trainable(model, config, here, "cpu")
    assert isinstance(trainable, Trainable)
    return trainable, here, Planner(config, len(here.train))


def train(trainable: Any, planner: Planner, chunk: int, epochs: int = 3) -> None:
    for epoch in range(epochs):
        plan = planner.epoch(epoch)
        trainable.begin_epoch(plan)
        for first in range(0, plan.steps, chunk):
            trainable.advance(min(chunk, plan.steps - first))


def test_softmax_learns() -> None:
    trainable, here, planner = make("classification")
    before = measure("classification", trainable.predict("test", slice(0, None)), here.test.y)
    train(trainable, planner, chunk=5)
    after = measure("classification", trainable.predict("test", slice(0, None)), here.test.y)
    assert before["accuracy"] < 0.6
    # Some must stay wrong: tests of the mislabeled grid need them.
    assert 0.8 < after["accuracy"] < 1
    assert after["loss"] < before["loss"] / 2


def test_linear_regression_finds_the_line() -> None:
    trainable, _, planner = make("regression")
    train(trainable, planner, chunk=7)
    state = trainable.state()
    assert state["weights/dense/kernel"].item() == pytest.approx(2, abs=0.05)
    assert state["weights/dense/bias"].item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_gradients_are_those_of_the_loss(task: str) -> None:
    trainable, here, _ = make(task, momentum=0.0)
    spec = here.spec
    trainable.data = replace(here, spec=spec)
    rows = np.arange(16)

    def mean_loss() -> float:
        return measure(spec.task, trainable.predict("train", slice(0, 16)), here.train.y[:16])["loss"]

    kernel = trainable.net.kernel.copy()
    trainable.net.kernel = kernel.astype(np.float64)
    shift = np.zeros(kernel.shape)
    shift[0, 0] = 1e-3
    trainable.net.kernel = kernel + shift
    up = mean_loss()
    trainable.net.kernel = kernel - shift
    down = mean_loss()
    trainable.net.kernel = kernel
    trainable._step(rows, 1.0)
    assert float(kernel[0, 0] - trainable.net.kernel[0, 0]) == pytest.approx((up - down) / 2e-3, rel=1e-2, abs=1e-4)


def test_chunks_change_nothing() -> None:
    results = []
    for chunk in (1, 4, 100):
        trainable, _, planner = make("classification")
        train(trainable, planner, chunk)
        results.append(trainable.state())
    for other in results[1:]:
        assert all(np.array_equal(results[0][key], other[key]) for key in results[0])


def test_a_restored_state_continues_exactly() -> None:
    whole, _, planner = make("classification")
    train(whole, planner, chunk=3)
    first, _, _ = make("classification")
    train(first, planner, chunk=3, epochs=1)
    second, _, _ = make("classification", seed=5)
    second.load_state(first.state())
    for epoch in (1, 2):
        plan = planner.epoch(epoch)
        second.begin_epoch(plan)
        second.advance(plan.steps)
    assert all(np.array_equal(whole.state()[key], second.state()[key]) for key in whole.state())


def test_state_of_another_shape_is_refused() -> None:
    trainable, _, _ = make("classification")
    with pytest.raises(RunError, match="kernel has shape"):
        trainable.load_state({"weights/dense/kernel": np.zeros((2, 2), dtype=np.float32)})


def test_step_seconds_slow_it_down() -> None:
    import time

    trainable, _, planner = make("classification", step_seconds=0.02)
    trainable.begin_epoch(planner.epoch(0))
    began = time.perf_counter()
    trainable.advance(3)
    assert time.perf_counter() - began >= 0.06
