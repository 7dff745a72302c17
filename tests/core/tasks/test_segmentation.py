"""Segmentation: metrics against scikit-learn, sums that do not depend on how rows are cut, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Arrays, Spec, Split
from dltui.core.contract.inputs import Input
from dltui.core.data.arrays import checked
from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.segmentation import IGNORED, colors, tally
from dltui.core.tasks.segmentation.arithmetic import gather, ious, measure, predictions, remark, report
from dltui.core.train import evaluation
from tests.helpers.late import sk

ROWS, CLASSES = 14, 4
SIZE = (9, 7)


@pytest.fixture(scope="module")
def made() -> tuple[Any, Any]:
    """Logits and masks, a tenth of whose pixels does not count; class 3 is nowhere true."""
    random = np.random.default_rng(5)
    masks = random.integers(0, CLASSES - 1, (ROWS, *SIZE)).astype(np.uint8)
    logits = random.normal(size=(ROWS, *SIZE, CLASSES)).astype(np.float32)
    logits[np.arange(ROWS)[:, None, None], np.arange(SIZE[0])[None, :, None], np.arange(SIZE[1]), masks] += 1.5
    masks[random.random(masks.shape) < 0.1] = IGNORED
    masks[4] = IGNORED
    return logits, masks


def test_metrics_are_those_of_scikit_learn(made: tuple[Any, Any]) -> None:
    logits, masks = made
    counts = masks != IGNORED
    true, said = masks[counts], logits.argmax(axis=3)[counts]
    chances = np.exp(logits[counts].astype(np.float64))
    chances /= chances.sum(axis=1, keepdims=True)
    found = measure(logits, masks) | report(logits, masks, {"dice", "class_accuracy"})
    assert set(found) == set(TASKS["segmentation"].names)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        recalls = sk.balanced_accuracy_score(true, said)
    assert found == pytest.approx({
        "loss": sk.log_loss(true, chances, labels=range(CLASSES)),
        "miou": sk.jaccard_score(true, said, average="macro"),
        "pixel_accuracy": sk.accuracy_score(true, said),
        "dice": sk.f1_score(true, said, average="macro"),
        "class_accuracy": recalls,
    })  # fmt: skip
    whole = gather([logits], masks)
    assert np.array_equal(whole.confusion, sk.confusion_matrix(true, said, labels=range(CLASSES)))
    assert ious(whole.confusion).tolist() == pytest.approx(sk.jaccard_score(true, said, average=None).tolist())


def test_nothing_depends_on_how_the_rows_come(made: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    logits, masks = made
    part = Split(np.zeros((ROWS, *SIZE, 1), np.uint8), masks, np.arange(ROWS))
    whole = predictions(gather([logits], masks), part)
    monkeypatch.setattr(tally, "PIXELS", 100)
    pieces = predictions(gather((logits[n : n + 5] for n in range(0, ROWS, 5)), masks), part)
    assert TASKS["segmentation"].arrays <= set(whole)
    for name, array in whole.items():
        assert np.array_equal(array, pieces[name], equal_nan=name == "iou"), name
    iou = [
        sk.jaccard_score(mask[mask != IGNORED], said[mask != IGNORED], average="macro")
        for mask, said in zip(masks, logits.argmax(axis=3), strict=True)
        if (mask != IGNORED).any()
    ]
    assert whole["iou"][~np.isnan(whole["iou"])].tolist() == pytest.approx(iou)
    assert np.isnan(whole["iou"][4])
    assert 4 not in whole["worst"]
    assert whole["iou"][whole["worst"]].tolist() == sorted(whole["iou"][whole["worst"]].tolist())
    assert np.array_equal(whole["said"], logits.argmax(axis=3)[whole["worst"]])
    assert np.array_equal(whole["masks"], masks[whole["worst"]])


def test_only_the_worst_masks_are_kept_and_large_ones_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "WORST", 3)
    random = np.random.default_rng(1)
    masks = random.integers(0, 2, (20, 200, 100)).astype(np.uint8)
    logits = np.eye(2, dtype=np.float32)[random.integers(0, 2, masks.shape)]
    logits[7] = np.eye(2, dtype=np.float32)[masks[7]]
    kept = gather((logits[n : n + 1] for n in range(20)), masks)
    assert len(kept._worst) <= 6
    found = predictions(kept, Split(np.zeros((20, 200, 100, 3), np.uint8), masks, np.arange(20)))
    assert found["worst"].tolist() == np.argsort(found["iou"], kind="stable")[:3].tolist()
    assert found["said"].shape == found["masks"].shape == (3, 67, 34)
    assert found["thumbnails"].shape == (3, 67, 34, 3)
    assert found["iou"][7] == 1


def test_fewer_rows_are_asked_at_once_where_outputs_are_large() -> None:
    class Trainable:
        predict_rows = 400

    small, large = (Spec("segmentation", (side, side, 3), 20) for side in (8, 512))
    assert TASKS["segmentation"].output_shape(large) == (512, 512, 20)
    assert evaluation.rows_at_once(Trainable(), small) == 400  # type: ignore[arg-type]
    assert evaluation.rows_at_once(Trainable(), large) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(("side", "rows"), [(28, 500), (64, 341), (224, 27), (512, 5), (4096, 1)])
def test_fewer_rows_are_asked_at_once_where_samples_are_large(side: int, rows: int) -> None:
    """A step of training would need less memory than 500 photos; a trainable that says how many gets them."""
    spec = Spec("classification", (side, side, 3), 2, ("a", "b"))
    assert evaluation.rows_at_once(SimpleNamespace(), spec) == rows  # type: ignore[arg-type]
    assert evaluation.rows_at_once(SimpleNamespace(predict_rows=700), spec) == 700  # type: ignore[arg-type]
    inputs = (Input("image", (side, side, 3), "uint8"), Input("age"))
    named = Spec("classification", (), 2, ("a", "b"), named_inputs=inputs)
    assert evaluation.rows_at_once(SimpleNamespace(), named) == rows  # type: ignore[arg-type]


def test_probabilities_in_place_of_logits_are_remarked(made: tuple[Any, Any]) -> None:
    assert remark(made[0]) == ""
    assert "leave softmax out" in remark(np.full((1, 2, 2, 4), 0.25, np.float32))


@pytest.mark.parametrize(
    ("y", "classes", "line"),
    [
        (np.zeros((3, 4, 5)), "ab", "train masks must be class numbers .samples, height, width., got float64"),
        (np.zeros((3, 4), int), "ab", "train masks must be class numbers"),
        (
            np.full((3, 4, 5), 2),
            "ab",
            r"train mask 0 has the value 2 at \(0, 0\), but there are classes 0 to 1, and 255",
        ),
        (np.zeros((3, 5, 4), int), "ab", r"train samples have the shape \(4, 5, 1\), their masks \(5, 4\)"),
        (np.full((3, 4, 5), 255), "ab", "no pixel of the train masks counts"),
        (np.zeros((3, 4, 5), int), "a", "segmentation needs at least two classes, found 1"),
    ],
)
def test_masks_that_are_none_are_refused_in_a_line(y: Any, classes: str, line: str) -> None:
    x = np.zeros((3, 4, 5, 1), np.uint8)
    with pytest.raises(RunError, match=line):
        checked("segmentation", Arrays((x, y), (x, y), tuple(classes)))


def test_colors_are_those_of_voc() -> None:
    assert colors.palette()[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert colors.palette()[20].tolist() == [0, 64, 128]
    image, mask = np.full((1, 3, 1), 100, np.uint8), np.array([[0, 1, 255]], np.uint8)
    assert colors.overlay(image, mask, 0.5).tolist()[0][:2] == [[100, 100, 100], [114, 50, 50]]
    wrong = colors.differences(image, mask, np.array([[1, 0, 0]], np.uint8))
    assert wrong.tolist() == [[list(colors.WRONG), [128, 0, 0], [40, 40, 40]]]
