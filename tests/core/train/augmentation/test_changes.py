"""Color changes, erasing and mixing: numbers that repeat, and the meaning that every framework gives them."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.train.augmentation import color, erasing, mixing
from dltui.core.train.plan import Planner

SHAPE = (28, 20, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
ALL = TrainConfig(augment="flip+shift", color=0.3, erase=0.25, mixup=0.2, cutmix=1.0, batch_size=50, epochs=3)


def test_resuming_is_the_rest_of_the_numbers() -> None:
    planner = Planner(ALL, 1000, shape=SHAPE)
    whole, rest = planner.epoch(2), planner.epoch(2, skip=7)
    for name in ("augmentation", "color", "erasing"):
        assert np.array_equal(getattr(whole, name)[7:], getattr(rest, name)), name
    assert whole.mixing is not None
    assert rest.mixing is not None
    for name in ("partners", "shares", "boxes"):
        assert np.array_equal(getattr(whole.mixing, name)[7:], getattr(rest.mixing, name)), name


def test_each_kind_has_numbers_of_its_own() -> None:
    """Turning one on changes neither the batches nor the numbers of another."""
    alone = Planner(TrainConfig(erase=0.25, batch_size=50), 1000, shape=SHAPE).epoch(0)
    together = Planner(ALL, 1000, shape=SHAPE).epoch(0)
    assert np.array_equal(alone.indices, together.indices)
    assert alone.erasing is not None
    assert together.erasing is not None
    assert np.array_equal(alone.erasing, together.erasing)
    assert alone.color is alone.mixing is alone.augmentation is None


def test_factors_of_color_are_around_one() -> None:
    factors = color.draw(0.3, 0, 0, 20, 50)
    assert factors is not None
    assert factors.dtype == np.float32
    assert 0.7 <= factors.min() < 0.72
    assert 1.28 < factors.max() <= 1.3
    assert color.draw(0.0, 0, 0, 20, 50) is None


def test_brightness_contrast_and_saturation() -> None:
    none = color.apply(IMAGES, np.ones((4, 3), np.float32))
    np.testing.assert_allclose(none, IMAGES, atol=1e-3)
    dark = color.apply(IMAGES, np.array([[0.5, 1, 1]] * 4))
    np.testing.assert_allclose(dark, IMAGES * 0.5, atol=1e-3)
    pixel = np.full((1, 2, 2, 3), 100, np.uint8)
    pixel[0, 0, 0] = (200, 100, 0)
    gray = 0.2989 * 200 + 0.587 * 100
    mean = (gray + 3 * 100 * 0.9999) / 4
    flat = color.apply(pixel, np.array([[1, 0, 1]]))
    np.testing.assert_allclose(flat, mean, atol=0.02)
    pale = color.apply(pixel, np.array([[1, 1, 0]]))
    np.testing.assert_allclose(pale[0, 0, 0], gray, atol=0.02)
    one = color.apply(IMAGES[..., :1], np.array([[1, 1, 0.2]] * 4))
    np.testing.assert_allclose(one, IMAGES[..., :1], atol=1e-3, err_msg="gray images have no saturation")


def test_rectangles_are_within_the_image_and_of_the_asked_share() -> None:
    boxes = erasing.draw(0.25, 0, 0, 100, 50, SHAPE)
    assert boxes is not None
    top, left, height, width = boxes.reshape(-1, 4).T
    used = height > 0
    assert 0.22 < used.mean() < 0.28
    assert (top >= 0).all()
    assert (top + height <= SHAPE[0]).all()
    assert (left + width <= SHAPE[1]).all()
    area = (height * width)[used] / (SHAPE[0] * SHAPE[1])
    assert area.min() > 0.01
    assert area.max() < 0.4
    assert not boxes[..., 2][boxes[..., 3] == 0].any()


def test_erasing_leaves_the_rest() -> None:
    found = erasing.apply(IMAGES.astype(np.float32) + 1, np.array([[2, 3, 4, 5]] + [[0, 0, 0, 0]] * 3, np.int32))
    gone = found == 0
    assert gone[0, 2:6, 3:8].all()
    assert gone.sum() == 4 * 5 * 3


def test_cutmix_counts_its_pixels() -> None:
    plan = mixing.draw(0.0, 1.0, 0, 0, 200, 30, SHAPE)
    assert plan is not None
    assert np.array_equal(np.sort(plan.partners, axis=1), np.tile(np.arange(30), (200, 1)))
    top, left, height, width = plan.boxes.T
    assert (top + height <= SHAPE[0]).all()
    assert (left + width <= SHAPE[1]).all()
    np.testing.assert_allclose(plan.shares, 1 - height * width / (28 * 20), rtol=1e-6)
    x = IMAGES.astype(np.float32)
    mixed = mixing.apply(x, np.array([1, 0, 3, 2]), 0.5, np.array([2, 3, 4, 5]))
    assert np.array_equal(mixed[0, 2:6, 3:8], x[1, 2:6, 3:8])
    mixed[:, 2:6, 3:8] = x[:, 2:6, 3:8]
    assert np.array_equal(mixed, x)


def test_mixup_adds_and_both_take_turns() -> None:
    x = IMAGES.astype(np.float32)
    mixed = mixing.apply(x, np.array([1, 0, 3, 2]), 0.25, np.zeros(4, np.int32))
    np.testing.assert_allclose(mixed[0], 0.25 * x[0] + 0.75 * x[1], rtol=1e-6)
    plan = mixing.draw(0.2, 1.0, 0, 0, 400, 30, SHAPE)
    assert plan is not None
    assert 0.4 < (plan.boxes[:, 2] > 0).mean() < 0.6


@pytest.mark.parametrize("option", [{"color": 0.1}, {"erase": 0.5}, {"cutmix": 1.0}, {"augment": "flip"}])
def test_what_is_no_image_is_refused(option: dict[str, float | str]) -> None:
    config = TrainConfig.model_validate(option)
    with pytest.raises(RunError, match="needs images"):
        Planner(config, 100, shape=(3,)).epoch(0)


def test_mixup_takes_any_samples() -> None:
    assert Planner(TrainConfig(mixup=0.2), 300, shape=(3,)).epoch(0).mixing is not None
