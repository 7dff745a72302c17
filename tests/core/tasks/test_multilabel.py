"""Multi-label classification: metrics against scikit-learn, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Arrays, Split
from dltui.core.data.arrays import checked, make_spec
from dltui.core.errors import RunError
from dltui.core.tasks.multilabel import arithmetic
from dltui.core.tasks.registry import TASKS
from dltui.core.train.metrics import report
from tests.helpers.late import sk

NAMES = ("rain", "wind", "snow")


def _tied(seed: int, rows: int = 300, labels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    present = (generator.uniform(size=(rows, labels)) < np.linspace(0.05, 0.7, labels)).astype(np.uint8)
    logits = np.round(2 * generator.normal(size=present.shape)) / 2 + present
    return logits.astype(np.float32), present


@pytest.mark.parametrize("seed", range(3))
def test_metrics_agree_with_scikit_learn(seed: int) -> None:
    logits, present = _tied(seed)
    said, chances = (logits > 0).astype(int), 1 / (1 + np.exp(-logits.astype(np.float64)))
    found = arithmetic.measure(logits, present) | report("multilabel", logits, present, "", final=True)
    assert set(found) == set(TASKS["multilabel"].names)
    assert found["loss"] == pytest.approx(sk.log_loss(present.ravel(), chances.ravel()))
    assert found["label_accuracy"] == pytest.approx(1 - sk.hamming_loss(present, said))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(present, chances, average="macro"))
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(present, chances, average="macro"))
    assert found["f1"] == pytest.approx(sk.f1_score(present, said, average="macro", zero_division=np.nan))
    assert found["micro_f1"] == pytest.approx(sk.f1_score(present, said, average="micro"))
    assert found["exact_accuracy"] == pytest.approx(sk.accuracy_score(present, said))


def test_labels_that_no_sample_has_are_left_out() -> None:
    logits, present = _tied(0)
    present[:, 1] = 0
    found = arithmetic.measure(logits, present)
    kept = [0, 2, 3, 4]
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(present[:, kept], logits[:, kept]))
    assert np.isnan(arithmetic.measure(logits, np.zeros_like(present))["average_precision"])
    assert np.isfinite(arithmetic.measure(np.array([[1e30, -1e30]], np.float32), np.array([[1, 0]]))["loss"])


def _arrays(y: Any, classes: tuple[str, ...] = NAMES) -> Arrays:
    x = np.zeros((len(y), 2), np.float32)
    return Arrays((x, y), (x, y), classes)


def test_targets_are_kept_small() -> None:
    y = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    found = checked("multilabel", _arrays(y))
    assert found.train[1].dtype == np.uint8
    assert found.notes == ("every train sample has the label snow",)
    spec = make_spec("multilabel", found, np.arange(2))
    assert (spec.outputs, spec.classes) == (3, NAMES)


@pytest.mark.parametrize(
    ("y", "classes", "words"),
    [
        (np.array([[0, 1, 2], [0, 1, 0]]), NAMES, "train sample 0 has 2 for the label 'snow'; 0 or 1 are labels"),
        (np.array([[0, 1, 0.5], [0, 1, 0]]), NAMES, "train sample 0 has 0.5 for the label 'snow'"),
        (np.array([[0, 1, np.nan], [0, 1, 0]]), NAMES, "train sample 0 has nan for the label 'snow'"),
        (np.array([0, 1]), NAMES, r"train labels must be 0 or 1 in two dimensions \(samples, labels\), got int64"),
        (np.array([[0, 1], [1, 0]]), NAMES, "train samples have 2 labels, but there are names of 3"),
        (np.array([[0, 1], [1, 0]]), (), "multilabel needs at least one class, found 0; give their names"),
        (np.array([[1, 0, 0], [1, 0, 0]]), NAMES, "every label applies to no train sample or to all of them"),
    ],
)
def test_wrong_targets_are_one_line(y: Any, classes: tuple[str, ...], words: str) -> None:
    with pytest.raises(RunError, match=words):
        checked("multilabel", _arrays(y, classes))


def test_predictions_have_the_worst_samples_first() -> None:
    present = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], np.uint8)
    logits = np.array([[2, -2, -2], [-3, -1, 4], [1, -2, 2]], np.float32)
    images = np.zeros((3, 100, 80, 1), np.uint8)
    names = np.array([b"a.png", b"b.png", b"c.png"])
    found = arithmetic.predictions(logits, Split(images, present, np.arange(3), names))
    assert found["wrong"].tolist() == [1, 2]
    assert found["names"].tolist() == [b"b.png", b"c.png"]
    assert found["thumbnails"].shape == (2, 50, 40, 1)
    assert TASKS["multilabel"].arrays <= set(found)
    (answer, *_) = arithmetic.answers(logits, NAMES)
    assert answer["labels"] == ["rain"]
    assert answer["probabilities"]["wind"] == pytest.approx(0.1192, abs=1e-4)


def test_outputs_that_are_probabilities_are_told() -> None:
    assert "leave sigmoid out" in arithmetic.remark(np.full((3, 4), 0.4, np.float32))
    assert arithmetic.remark(np.full((3, 1), 0.4, np.float32)) == ""
    assert arithmetic.remark(np.linspace(-0.1, 0.9, 12, dtype=np.float32)[None]) == ""


def test_ranks_of_probabilities_are_those_of_logits() -> None:
    """A float32 of the probability is 1 for every logit above 17."""
    logits = np.array([[18.0], [19.0], [20.0], [21.0]], np.float32)
    present = np.array([[0], [1], [0], [1]], np.uint8)
    split = Split(np.zeros((4, 2), np.float32), present, np.arange(4))
    chances = arithmetic.predictions(logits, split)["chances"]
    expected = arithmetic.measure(logits, present)["average_precision"]
    assert arithmetic.ranking.of_labels(chances, present > 0)[1][0] == pytest.approx(expected)
