"""Random resized crops: the rectangles of torchvision's definition, the pixels of Pillow's, and exact plans."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltui.core.contract.config import TrainConfig
from dltui.core.train.augmentation import crops
from dltui.core.train.plan import Planner

STORED = (40, 40, 3)


def planner(kind: str = "flip+crop", seed: int = 0) -> Planner:
    config = TrainConfig.model_validate({"augment": kind, "batch_size": 50, "seed": seed})
    return Planner(config, 1000, shape=(32, 32, 3), stored=STORED)


def test_crops_alone_mirror_nothing() -> None:
    plan = planner("crop").epoch(0)
    assert plan.augmentation is None
    assert plan.crops is not None
    both = planner().epoch(0)
    assert np.array_equal(both.crops, plan.crops)
    assert np.array_equal(both.augmentation, planner("flip").epoch(0).augmentation)
    assert planner("flip+shift").epoch(0).crops is None


def test_the_rest_of_an_epoch_has_the_same_crops() -> None:
    whole, rest = planner().epoch(3), planner().epoch(3, skip=7)
    assert np.array_equal(whole.crops[7:], rest.crops)
    assert not np.array_equal(whole.crops, planner().epoch(4).crops)
    assert not np.array_equal(whole.crops, planner(seed=1).epoch(3).crops)


def test_rectangles_are_those_of_torchvision() -> None:
    """Inside the image, their area and ratio within the bounds but for rounding, both ends of the area in use."""
    numbers = crops.draw("crop", 0, 0, 100, 100, (256, 256, 3))
    assert numbers is not None
    top, left, height, width = numbers.reshape(-1, 4).T
    assert numbers.dtype == np.int32
    assert (numbers >= 0).all()
    assert (top + height <= 256).all()
    assert (left + width <= 256).all()
    area, ratio = height * width / 256**2, width / height
    assert 0.078 < area.min() < 0.09
    assert 0.97 < area.max() <= 1
    assert 0.74 < ratio.min() < 0.77
    assert 1.3 < ratio.max() < 1.35
    # Uniform, but for the large ones that did not fit and were drawn again.
    assert 0.45 < area.mean() < 0.54
    assert abs(np.log(ratio).mean()) < 0.01
    assert abs((top + height / 2).mean() - 128) < 2


@pytest.mark.parametrize(("shape", "middle"), [((10, 100), (0, 43, 10, 13)), ((100, 10), (43, 0, 13, 10))])
def test_of_long_images_it_is_mostly_the_middle(shape: tuple[int, int], middle: tuple[int, ...]) -> None:
    numbers = crops.draw("crop", 0, 0, 1, 2000, (*shape, 3))
    assert numbers is not None
    top, left, height, width = numbers[0].T
    assert ((top + height <= shape[0]) & (left + width <= shape[1])).all()
    assert (numbers[0] == middle).all(axis=1).any()


@pytest.mark.parametrize("size", [(24, 24), (48, 30), (8, 12)])
def test_pixels_are_those_of_pillow(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 40, 36, 3), dtype=np.uint8)
    numbers = crops.draw("crop", 0, 0, 1, 30, images.shape[1:])
    assert numbers is not None
    found = crops.apply(images, numbers[0], size)
    for image, made, (top, left, height, width) in zip(images, found, numbers[0].tolist(), strict=True):
        part = Image.fromarray(image).crop((left, top, left + width, top + height))
        wanted = np.asarray(part.resize(size[::-1], Image.Resampling.BILINEAR), dtype=np.float64)
        # Pillow rounds after each of both directions.
        assert np.abs(made - wanted).max() <= 1.01
        assert np.abs(made - wanted).mean() < 0.35


def test_the_whole_image_at_its_own_size_is_itself() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 1), dtype=np.uint8)
    assert np.allclose(crops.apply(images, np.array([[0, 0, 9, 7]] * 2), (9, 7)), images)
