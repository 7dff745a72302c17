"""What is shown of predicted masks: classes, the worst images, and damaged files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltui.core.analysis.evaluation import Evaluation
from dltui.core.contract import Split
from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.segmentation import IGNORED, colors
from dltui.core.train import predictions
from tests.helpers.late import sk

SIZE = (12, 16)


def made(rows: int = 20, classes: int = 4, seed: int = 0) -> dict[str, Any]:
    """The arrays of a predictions file: a rectangle of a class in each image, found the better the later it comes."""
    random = np.random.default_rng(seed)
    masks = np.zeros((rows, *SIZE), np.uint8)
    said = np.zeros_like(masks)
    for row in range(rows):
        top, left, number = (*random.integers(1, 6, 2).tolist(), 1 + row % (classes - 1))
        shift = max(3 - row // 5, 0)
        masks[row, top : top + 5, left : left + 8] = number
        said[row, top : top + 5, left + shift : left + 8 + shift] = number if row % 7 else 1
    said[-1] = masks[-1]
    masks[:, 0, 0] = IGNORED
    logits = 4 * np.eye(classes, dtype=np.float32)[said]
    images = colors.overlay(random.integers(60, 200, (*SIZE, 3), dtype=np.uint8), np.zeros(SIZE, np.uint8))
    x = np.stack([colors.overlay(images, np.where(mask == IGNORED, 0, mask)) for mask in masks])
    names = np.array([f"street {row}.png".encode() for row in range(rows)])
    part = Split(x, masks, np.arange(rows) + 100, names)
    return predictions.collect("segmentation", gathered(logits, masks), part, "test", 3)


def gathered(logits: Any, masks: Any) -> Any:
    return TASKS["segmentation"].gather([logits], masks)


def test_classes_are_counted_in_pixels_and_the_worst_images_come_first() -> None:
    arrays = made()
    found = Evaluation(arrays, ("road", "car", "tree")).masks
    assert found is not None
    assert found.matrix.classes == ("road", "car", "tree", "3")
    assert found.matrix.unit == "pixels"
    assert found.matrix.total == 20 * (SIZE[0] * SIZE[1] - 1)
    ious = [one.iou for one in found.worst]
    assert ious == sorted(ious)
    assert found.worst[0].name.startswith("street ")
    assert found.wrong == len(found.worst) < 20
    lost = found.worst[0].lost
    assert lost[0][2] == max(share for *_, share in lost)
    assert sum(share for *_, share in lost) == pytest.approx(found.worst[0].share)
    assert found.mean_iou == pytest.approx(np.mean([score.iou for score in found.matrix.scores()]))


def test_the_matrix_and_the_mean_are_those_of_scikit_learn() -> None:
    arrays = made()
    found = Evaluation(arrays, ()).masks
    assert found is not None
    true, said = (
        [number for row, line in enumerate(found.matrix.counts) for column, count in enumerate(line)
         for number in [(row, column)[side]] * count] for side in (0, 1)
    )  # fmt: skip
    assert [score.iou for score in found.matrix.scores()] == pytest.approx(sk.jaccard_score(true, said, average=None))


@pytest.mark.parametrize(
    "change",
    [
        {"confusion": np.zeros((2, 3), np.int64)},
        {"said": np.zeros((1, *SIZE), np.uint8)},
        {"worst": np.array([10_000])},
        {"thumbnails": np.zeros((19, 3, 3, 1), np.uint8)},
        {"confusion": np.zeros((0, 0), np.int64)},
        {"wrong_share": np.zeros(1)},
        {"wrong_share": np.nan * made()["wrong_share"]},
        {"lost": made()["lost"] / 1},
        {"lost_share": made()["lost_share"][:, :2]},
    ],
)
def test_damaged_arrays_are_one_line(change: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="the predictions are damaged: ") as raised:
        assert Evaluation(made() | change, ()).masks is None
    assert "\n" not in str(raised.value)


def test_images_and_masks_of_another_form_are_damaged() -> None:
    arrays = made()
    images, said = arrays["thumbnails"], arrays["said"]
    for change in ({"thumbnails": images[..., 0]}, {"thumbnails": images / 2}, {"said": said / 2}):
        with pytest.raises(RunError, match="the predictions are damaged: "):
            assert Evaluation(arrays | change, ()).masks is None


def test_wrong_pixels_are_those_of_the_whole_mask() -> None:
    """A thin line is gone where every other pixel is left out."""
    true = np.zeros((1, 384, 384), np.uint8)
    true[0, 1] = 1
    true[0, 4:8] = IGNORED
    said = np.zeros_like(true)
    logits = np.eye(2, dtype=np.float32)[said]
    part = Split(np.zeros((1, 384, 384, 1), np.uint8), true, np.arange(1))
    arrays = predictions.collect("segmentation", gathered(logits, true), part, "test", 1)
    assert not (arrays["masks"] == 1).any()
    found = Evaluation(arrays, ("road", "crack")).masks
    assert found is not None
    (wrong,) = found.worst
    assert wrong.share == pytest.approx(1 / 380)
    assert wrong.lost == (("crack", "road", pytest.approx(1 / 380)),)
    # A file of an earlier version has the thinned out masks alone.
    early = {name: array for name, array in arrays.items() if name not in ("wrong_share", "lost", "lost_share")}
    found = Evaluation(early, ("road", "crack")).masks
    assert found is not None
    assert (found.worst[0].share, found.worst[0].lost) == (0.0, ())
