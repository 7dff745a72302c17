"""Options of loop and plan: warm-up, patience, a time to train for; and what is refused before there is a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError, UsageError
from dltui.core.tasks.monitor import Monitor
from dltui.core.train.options import class_weights, layer_options
from dltui.core.train.options.check_options import check_device, check_options, for_task
from dltui.core.train.options.time_budget import TimeBudget, parse, phases
from dltui.core.train.plan import MOST_EPOCHS, Planner

STEPS = 40


def rates(**options: Any) -> Any:
    config = TrainConfig.model_validate({"epochs": 4, "batch_size": 10, "lr": 1.0, **options})
    return Planner(config, 100).learning_rates(np.arange(STEPS))


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle"])
def test_warm_up_is_in_front_of_every_schedule(schedule: str) -> None:
    plain, risen = rates(schedule=schedule), rates(schedule=schedule, warmup=0.5)
    np.testing.assert_allclose(risen[:5], plain[:5] * np.array([0.2, 0.4, 0.6, 0.8, 1.0]), rtol=1e-6)
    assert np.array_equal(risen[5:], plain[5:])


def test_added_epochs_warm_up_again() -> None:
    config = TrainConfig(epochs=2, batch_size=10, lr=1.0, warmup=0.5)
    found = Planner(config, 100, added=[1]).learning_rates(np.arange(30))
    np.testing.assert_allclose(found[20:26], [0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_a_fitted_schedule_goes_on_where_it_was_and_ends_with_the_time() -> None:
    config = TrainConfig(epochs=1, batch_size=10, lr=1.0, schedule="cosine", max_time="10s")
    planner = Planner(config, 100)
    assert planner.epochs == MOST_EPOCHS
    planner.fit(4, 50)
    planner.fit(20, 33)
    assert (planner.total_steps, planner.epochs) == (33, 4)
    assert [planner.steps_of(epoch) for epoch in range(5)] == [10, 10, 10, 3, 0]
    assert planner.epoch(3).steps == 3
    lr = planner.learning_rates(np.arange(33))
    assert (np.diff(lr) <= 1e-6).all()
    assert np.abs(np.diff(lr)).max() < 0.2, "no estimate makes it jump"
    assert lr[-1] < 0.02
    again = Planner(config, 100, fits=[(4, 50), (20, 33)])
    assert np.array_equal(again.learning_rates(np.arange(33)), lr)


def test_phases_go_from_nothing_to_all() -> None:
    found = phases(np.arange(101), [(0, 1_000_000), (10, 100)])
    assert found[10] < 1e-4
    assert found[55] == pytest.approx(0.5, abs=1e-4)
    assert found[100] == pytest.approx(1)


def test_estimates_come_seldom_and_hit_the_time() -> None:
    """At a speed that changes on the way, the time is met within a few hundredths."""
    budget, seconds, step, total, estimates = TimeBudget(60.0), 0.0, 0, 10**9, 0
    while step < total:
        seconds += 0.01 if step < 1500 else 0.016
        step += 1
        found = budget.total(seconds, step)
        if found is not None:
            total, estimates = found, estimates + 1
    assert 58 < seconds < 62
    assert estimates < 40


def test_what_is_frozen_until_an_epoch_counted_from_1() -> None:
    assert [layer_options.frozen_in(epoch, 3) for epoch in range(4)] == [True, True, False, False]
    assert layer_options.frozen_in(1000, 0), "without an epoch it stays so"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"unfreeze_at": 3}, "unfreeze_at needs freeze"),
        ({"unfreeze_at": 1, "freeze": "conv1"}, "would freeze nothing; take 2"),
        ({"unfreeze_at": 11, "freeze": "conv1"}, "unfreeze_at 11 comes after the last epoch, 10"),
    ],
)
def test_an_epoch_in_which_nothing_is_unfrozen_is_refused(options: dict[str, Any], says: str) -> None:
    config = TrainConfig().model_dump()
    with pytest.raises(UsageError, match=says):
        check_options(config | options, "classification", "cnn-torch")
    check_options(config | options | {"unfreeze_at": 2, "freeze": "conv1"}, "classification", "cnn-torch")
    check_options(config | {"unfreeze_at": 11, "freeze": "conv1", "max_time": "1h"}, "classification", "cnn-torch")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("90", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("2 min", 120)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "-5m", "10x", "1e400", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="max_time takes a duration"):
        parse(text)


def test_only_what_is_enough_better_counts() -> None:
    up, down = Monitor("accuracy", "validation", "max"), Monitor("loss", "validation", "min")
    assert up.better_by(0.01, 0.92, 0.9)
    assert not up.better_by(0.01, 0.905, 0.9)
    assert down.better_by(0.01, 0.88, 0.9)
    assert not down.better_by(0.01, 0.895, 0.9)
    assert not up.better_by(0.0, float("nan"), 0.9)


def test_class_weights_have_a_mean_of_one_over_the_rows() -> None:
    y = np.array([0] * 6 + [1] * 3 + [2])
    balanced = class_weights.weights("balanced", y, 3)
    assert balanced is not None
    np.testing.assert_allclose(balanced / balanced[0], [1, 2, 6], rtol=1e-6)
    assert balanced[y].mean() == pytest.approx(1)
    given = class_weights.weights("1, 2,3", y, 3)
    assert given is not None
    np.testing.assert_allclose(given / given[0], [1, 2, 3], rtol=1e-6)
    assert class_weights.weights("", y, 3) is None
    with pytest.raises(UsageError, match="has 2 numbers, the dataset has 3 classes"):
        class_weights.weights("1,2", y, 3)


def test_patterns_of_layers() -> None:
    names = ["conv1/kernel", "conv1/bias", "norm1/gamma", "block/conv2/kernel"]
    found = layer_options.factors("conv*=0.5 conv1/bias=2", "norm1", names)
    assert found == {"conv1/kernel": 0.5, "conv1/bias": 2.0, "norm1/gamma": 0.0, "block/conv2/kernel": 1.0}
    assert layer_options.factors("*conv*=0.5", "", names)["block/conv2/kernel"] == 0.5
    with pytest.raises(RunError, match="no layer is called dense; there is conv1, norm1, block/conv2"):
        layer_options.factors("", "dense", names)


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "label_smoothing is not for regression, which model-x does here": ("regression", {"label_smoothing": 0.1}),
    "class_weights takes balanced": ("classification", {"class_weights": "fair"}),
    "lr_scales takes layers and factors": ("classification", {"lr_scales": "conv1"}),
    "max_time takes a duration": ("classification", {"max_time": "later"}),
    "warmup 5 must be shorter than the 4 epochs": ("classification", {"warmup": 5.0, "epochs": 4}),
    "min_delta needs patience": ("classification", {"min_delta": 0.1}),
    "nesterov needs optimizer sgd": ("classification", {"nesterov": True, "optimizer": "adamw"}),
    "accumulate 64 must be at most batch_size 32": ("classification", {"accumulate": 64, "batch_size": 32}),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_combinations_are_one_line(words: str) -> None:
    task, options = WRONG[words]
    config = TrainConfig().model_dump() | options
    with pytest.raises(UsageError, match=words):
        check_options(config, task, "model-x")


def test_defaults_of_a_model_that_the_task_does_not_know_are_off() -> None:
    config = {"label_smoothing": 0.1, "cutmix": 1.0, "lr": 0.1}
    assert for_task(config, (), "classification") == config
    assert for_task(config, (), "multilabel") == {**config, "label_smoothing": 0.0}
    assert for_task(config, ("label_smoothing",), "regression") == {**config, "cutmix": 0.0}


def test_the_defaults_are_right() -> None:
    check_options(TrainConfig().model_dump(), "regression", "model-x")
    check_options({}, "regression", "model-x")


def test_precisions_that_only_gpus_have() -> None:
    for precision in ("tf32", "fp16"):
        check_device({"precision": precision}, "cuda:1")
        with pytest.raises(UsageError, match=f"precision {precision} is for NVIDIA GPUs, this run is for cpu; take"):
            check_device({"precision": precision}, "cpu")
    check_device({"precision": "bf16"}, "cpu")
    check_device({}, "mps")
