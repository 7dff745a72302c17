"""What is shown of multi-label predictions, against scikit-learn and by trying every threshold."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.analysis import labels
from dltui.core.analysis.evaluation import Evaluation
from dltui.core.contract import Split
from dltui.core.errors import RunError
from dltui.core.train import predictions
from tests.helpers.late import sk


def made(split: str = "test", seed: int = 0, count: int = 3) -> dict[str, np.ndarray]:
    """The arrays of a predictions file, with ties."""
    generator = np.random.default_rng(seed)
    present = generator.integers(0, 2, (200, count)).astype(np.uint8)
    logits = (np.round(generator.normal(size=present.shape)) + present).astype(np.float32)
    part = Split(np.zeros((200, 2), np.float32), present, np.arange(200) + 1000)
    return predictions.collect("multilabel", logits, part, split, 3)


def test_scores_agree_with_scikit_learn() -> None:
    arrays = made()
    found = Evaluation(arrays, ("rain", "wind")).labels
    assert found is not None
    assert [score.name for score in found.scores] == ["rain", "wind", "label 2"]
    for number, score in enumerate(found.scores):
        y, chances = arrays["present"][:, number], arrays["chances"][:, number]
        assert score.average_precision == pytest.approx(sk.average_precision_score(y, chances))
        assert score.auroc == pytest.approx(sk.roc_auc_score(y, chances))
        assert score.precision == pytest.approx(sk.precision_score(y, chances > 0.5))
        assert score.recall == pytest.approx(sk.recall_score(y, chances > 0.5))
        best = max(sk.f1_score(y, chances >= threshold) for threshold in np.unique(chances))
        assert score.best_f1 == pytest.approx(best)
        recalls, precisions = found.curve(number)
        wanted_precisions, wanted_recalls, _ = sk.precision_recall_curve(y, chances)
        np.testing.assert_allclose(recalls[::-1], wanted_recalls[:-1])
        np.testing.assert_allclose(precisions[::-1], wanted_precisions[:-1])


def test_thresholds_are_those_of_the_validation_split() -> None:
    test, validation = made(), made("validation", seed=1)
    found, own = Evaluation(test, (), validation).labels, Evaluation(test, ()).labels
    assert found is not None
    assert own is not None
    assert (found.chosen_on, own.chosen_on) == ("validation", "test")
    best = Evaluation(validation, ()).labels
    assert best is not None
    assert [score.threshold for score in found.scores] == [score.threshold for score in best.scores]
    assert all(a.best_f1 <= b.best_f1 for a, b in zip(found.scores, own.scores, strict=True))  # type: ignore[operator]


def test_a_label_without_samples_has_no_scores() -> None:
    arrays = made()
    arrays["present"][:, 0] = 0
    score = labels.find(arrays, ()).scores[0]
    assert (score.samples, score.average_precision, score.recall, score.threshold, score.best_f1) == (0, *[None] * 4)


def test_wrong_samples_tell_what_was_missed_and_invented() -> None:
    found = labels.find(made(), ("rain", "wind", "snow"))
    first = found.wrong[0]
    assert first.id == first.position + 1000
    numbers = [len(one.missed) + len(one.invented) for one in found.wrong]
    assert numbers == sorted(numbers, reverse=True)
    assert all(numbers)


def test_damaged_arrays_are_one_line() -> None:
    arrays = made()
    arrays["chances"] = arrays["chances"][:, :2]
    with pytest.raises(RunError, match="the predictions are damaged"):
        _ = Evaluation(arrays, ()).labels
