"""Augmentation: whole numbers that repeat, and the meaning that every framework gives them."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.train.augmentation import geometry
from dltui.core.train.plan import Planner

SHAPE = (28, 20, 3)


def planner(kind: str, seed: int = 0) -> Planner:
    config = TrainConfig.model_validate({"augment": kind, "batch_size": 50, "seed": seed})
    return Planner(config, 1000, shape=SHAPE)


def test_without_augmentation_nothing_is_planned() -> None:
    assert planner("none").epoch(0).augmentation is None


def test_the_numbers_are_within_bounds_and_use_them() -> None:
    numbers = planner("flip+shift").epoch(0).augmentation
    assert numbers is not None
    assert numbers.dtype == np.int32
    assert numbers.shape == (20, 50, 3)
    assert set(np.unique(numbers[..., 0])) == {0, 1}
    assert set(np.unique(numbers[..., 1])) == set(range(-4, 5))
    assert set(np.unique(numbers[..., 2])) == set(range(-3, 4))
    assert 0.4 < numbers[..., 0].mean() < 0.6


def test_each_kind_does_its_own_part_only() -> None:
    both, flip, shift = (planner(kind).epoch(2).augmentation for kind in ("flip+shift", "flip", "shift"))
    assert both is not None and flip is not None and shift is not None  # noqa: PT018
    assert not flip[..., 1:].any()
    assert not shift[..., 0].any()
    assert np.array_equal(flip + shift, both)


def test_resuming_is_the_rest_of_the_numbers_and_epochs_and_seeds_differ() -> None:
    one = planner("flip+shift")
    whole = one.epoch(3).augmentation
    assert whole is not None
    assert np.array_equal(one.epoch(3, skip=7).augmentation, whole[7:])
    assert not np.array_equal(one.epoch(4).augmentation, whole)
    assert not np.array_equal(planner("flip+shift", seed=1).epoch(3).augmentation, whole)


def test_the_batches_are_those_without_augmentation() -> None:
    assert np.array_equal(planner("flip+shift").epoch(1).indices, planner("none").epoch(1).indices)


def test_what_is_no_image_is_refused() -> None:
    config = TrainConfig(augment="flip")
    with pytest.raises(RunError, match="augment flip needs images"):
        Planner(config, 100, shape=(3,)).epoch(0)


def test_an_image_is_mirrored_then_moved_and_the_border_is_zero() -> None:
    image = np.arange(1, 13, dtype=np.uint8).reshape(1, 3, 4, 1)
    moved = geometry.apply(image.repeat(4, axis=0), np.array([[0, 0, 0], [1, 0, 0], [0, 1, -2], [1, -1, 1]]))[..., 0]
    assert moved[0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert moved[1].tolist() == [[4, 3, 2, 1], [8, 7, 6, 5], [12, 11, 10, 9]]
    assert moved[2].tolist() == [[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0]]
    assert moved[3].tolist() == [[0, 8, 7, 6], [0, 12, 11, 10], [0, 0, 0, 0]]


@pytest.mark.parametrize(("side", "most"), [(1, 0), (4, 1), (8, 1), (28, 4), (32, 4), (224, 28)])
def test_images_move_by_an_eighth_at_most(side: int, most: int) -> None:
    assert geometry.largest_shift(side) == most


def test_the_option_shift_is_the_share_of_the_sides_by_which_images_move_at_most() -> None:
    def moves(**options: float) -> list[set[int]]:
        config = TrainConfig.model_validate({"augment": "flip+shift", "batch_size": 50, **options})
        numbers = Planner(config, 1000, shape=SHAPE).epoch(0).augmentation
        assert numbers is not None
        return [set(np.unique(numbers[..., column])) for column in (1, 2)]

    assert moves(shift=0.06) == [set(range(-2, 3)), {-1, 0, 1}]
    assert moves(shift=0.125) == moves() == [set(range(-4, 5)), set(range(-3, 4))]
