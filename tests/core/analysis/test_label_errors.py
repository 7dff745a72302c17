"""Planted wrong labels come first, before mistakes between classes that look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dltui.core.analysis import label_errors

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def predictions(count: int = 600, wrong: int = 20) -> tuple[dict[str, Array], set[int]]:
    """Predictions for six classes, of which 0 and 1 look alike; the labels of the first `wrong` samples are wrong."""
    generator = np.random.default_rng(0)
    true = np.arange(count) % 6
    logits = generator.normal(0, 1, (count, 6))
    logits[np.arange(count), true] += 5
    alike = true < 2
    logits[alike, 1 - true[alike]] += generator.normal(4.5, 2, alike.sum())
    labels = true.copy()
    labels[:wrong] = (true[:wrong] + 3) % 6
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    top = np.argsort(-chances, axis=1)[:, :5].astype(np.int32)
    return {
        "ids": np.arange(count) + 7,
        "split": np.array("test"),
        "labels": labels,
        "top": top,
        "probabilities": np.take_along_axis(chances, top, axis=1).astype(np.float32),
        "wrong": np.array([0]),
        "names": np.array([b"a.png"]),
    }, set(range(7, 7 + wrong))


def test_wrong_labels_come_before_what_looks_alike() -> None:
    arrays, wrong = predictions()
    found = label_errors.find([arrays])
    assert len({one.id for one in found[:20]} & wrong) >= 18
    assert len(found) > 40, "the two classes that look alike are among them, later"
    first = next(one for one in found if one.id == 7)
    assert (first.label, first.proposed, first.name, first.split) == (3, 0, "a.png", "test")
    rows = label_errors.rows(label_errors.LabelErrors("r", tuple("abcdef"), 600, tuple(found)), most=5)
    assert [row.mark for row in rows] == ["suspect"] * 5


def test_thresholds_are_mean_probabilities_of_a_class() -> None:
    chances = np.array([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0], [0.3, 0.7, 0.0]])
    assert label_errors.thresholds(np.array([0, 0, 1]), chances) == pytest.approx([0.6, 0.7, np.inf])
    shares = label_errors.shares(np.array([0, 0, 1]), chances)
    assert shares.sum(axis=0) == pytest.approx([1, 1, 1])
    assert shares[:, 0] == pytest.approx([0.5, 0.25, 0.25])
