"""Options of loop and plan: warm-up, patience, a time to train for; and what is refused before there is a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError, UsageError
from dltui.core.tasks.monitor import Monitor
from dltui.core.train.options import class_weights, layer_options
from dltui.core.train.options.check_options import adapted, check_device, check_options, check_test
from dltui.core.train.plan import Planner

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
    config = TrainConfig(epochs=2, batch_size=10, lr=1.0, warmup=0.5, schedule="cosine")
    planner = Planner(config, 100, added=[1])
    found, plain = planner.learning_rates(np.arange(30)), config.schedule_factors(np.arange(10), 10)
    np.testing.assert_allclose(found[20:26], plain[:6] * np.array([0.2, 0.4, 0.6, 0.8, 1.0, 1.0]), rtol=1e-6)


def test_added_epochs_that_are_fewer_than_those_of_the_warm_up_come_to_the_learning_rate() -> None:
    config = TrainConfig(epochs=5, batch_size=10, lr=1.0, warmup=3, schedule="cosine")
    found = Planner(config, 100, added=[2]).learning_rates(np.arange(70))
    assert found[50] < 0.2
    assert found[50:].max() > 0.5
    found = Planner(config.model_copy(update={"schedule": "constant"}), 100, added=[2]).learning_rates(np.arange(70))
    assert (found[30:] == 1).all(), "constant stays as it is"


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


def test_only_what_is_enough_better_counts() -> None:
    up, down = Monitor("accuracy", "validation", "max"), Monitor("loss", "validation", "min")
    assert up.better_by(0.01, 0.92, 1.0, 0.9, 1.0)
    assert not up.better_by(0.01, 0.905, 0.1, 0.9, 1.0)
    assert down.better_by(0.01, 0.88, 1.0, 0.9, 1.0)
    assert not down.better_by(0.01, 0.895, 0.1, 0.9, 1.0)
    nan = float("nan")
    assert not up.better_by(0.0, nan, 0.1, 0.9, 1.0)
    assert up.better_by(0.0, 0.1, 9.0, nan, 1.0)
    assert up.better_by(0.0, nan, 9.0, None, None)
    assert up.better_by(0.01, nan, 0.98, nan, 1.0), "the loss decides"
    assert not up.better_by(0.01, nan, 0.995, nan, 1.0)
    assert not up.better_by(0.01, nan, 0.5, nan, None)


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


def test_class_weights_that_cannot_be_used_are_refused_before_there_is_a_run() -> None:
    for text, says in {
        "1,2": "has 2 numbers, the dataset has 10 classes; give one a class, or balanced$",
        "1": "has 1 number, the dataset",
        ",".join(["1e308"] * 10): r"takes numbers up to 1,000,000, not 1e\+308; only their ratios count$",
    }.items():
        with pytest.raises(UsageError, match=f"^class_weights {says}"):
            check_options({"class_weights": text}, "classification", "model-x", classes=10)
    check_options({"class_weights": "1,2"}, "classification", "model-x")
    check_options({"class_weights": "balanced"}, "classification", "model-x", classes=10)
    largest = class_weights.weights("1e6,0,1e6", np.array([0, 1, 2]), 3)
    assert largest is not None
    np.testing.assert_allclose(largest, [1.5, 0, 1.5])


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
    "nesterov needs optimizer sgd with a momentum; take --no-nesterov, or --optimizer sgd with --momentum": (
        "classification",
        {"nesterov": True, "optimizer": "adamw"},
    ),
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
    assert adapted(config, (), "classification") == config
    assert adapted(config, (), "multilabel") == {**config, "label_smoothing": 0.0}
    assert adapted(config, ("label_smoothing",), "regression") == {**config, "cutmix": 0.0}


@pytest.mark.parametrize("changes", [{"optimizer": "adamw"}, {"momentum": 0.0}])
def test_nesterov_of_a_model_is_off_where_there_is_no_momentum(changes: dict[str, Any]) -> None:
    config = {"optimizer": "sgd", "momentum": 0.9, "nesterov": True}
    assert adapted(config, ("optimizer",), "classification") == config
    assert adapted(config | changes, changes, "classification") == config | changes | {"nesterov": False}
    # What the user has set is not changed in silence.
    assert adapted(config | changes, ("nesterov",), "classification") == config | changes


def test_a_mirrored_test_needs_a_test() -> None:
    config = {"test": False, "mirror_test": True}
    with pytest.raises(UsageError, match=r"^mirror_test is a part of the test, which --no-test leaves out; leave one"):
        check_test(config, ("test", "mirror_test"))
    check_test(config, ("mirror_test",))
    check_test(config | {"test": True}, ("test", "mirror_test"))


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
