"""What a model got wrong: which predictions count, the matrix, the mistakes, and the line of a regression."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.analysis.confusion import Matrix, class_names
from dltui.core.analysis.evaluation import Evaluation, LatestEvaluation, latest
from dltui.core.analysis.regression import Fit, fitted_line
from dltui.core.errors import RunError
from dltui.core.reading.reader import RunReader
from tests.helpers.sample_run import make_sample_run

Values = np.ndarray[Any, np.dtype[np.float32]]
MATRIX = Matrix("test", 1, ("a", "b", "c"), ((9, 1, 0), (0, 0, 0), (4, 1, 5)))


def read(root: Path, **options: Any) -> RunReader:
    reader = RunReader(make_sample_run(root, **options))
    reader.refresh()
    return reader


def classified(**other: Any) -> dict[str, Any]:
    arrays = {
        "ids": np.arange(4) + 100, "split": np.array("test"), "epoch": np.array(3),
        "labels": np.array([0, 1, 1, 2]), "top": np.array([[0, 1], [2, 1], [1, 0], [0, 2]]),
        "probabilities": np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5], [0.8, 0.2]]), "wrong": np.array([3, 1]),
        "thumbnails": np.zeros((0, 0, 0, 0), dtype=np.uint8),
    }  # fmt: skip
    return arrays | other


def fit(x: Values, prediction: Values, y: Values | None = None) -> Fit:
    return Fit("test", 1, x, prediction if y is None else y, prediction)


def test_the_test_counts_once_the_log_has_its_result(tmp_path: Path) -> None:
    reader = read(tmp_path)
    found = latest(reader)
    assert found
    assert (found.matrix.split, found.matrix.epoch) == ("test", 8)  # type: ignore[union-attr]
    # As after a resume: the file is still there, of other weights.
    reader.history.test = None
    found = latest(reader)
    assert found
    assert (found.matrix.split, found.matrix.epoch) == ("validation", 10)  # type: ignore[union-attr]
    assert latest(read(tmp_path / "none", done=0, status="failed")) is None


def test_what_was_made_of_a_file_is_kept_as_long_as_the_file_is_the_same(tmp_path: Path) -> None:
    reader = read(tmp_path)
    inside = LatestEvaluation(reader)
    first = inside.matrix()
    assert first is inside.matrix()
    assert inside.fit() is None
    path = reader.directory.predictions_dir / "test.npz"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert inside.matrix() == first
    assert inside.matrix() is not first
    path.write_bytes(b"no zip")
    with pytest.raises(RunError, match=r"test\.npz is damaged"):
        inside.matrix()


def test_a_matrix_counts_true_against_predicted() -> None:
    matrix = Evaluation(classified(), ["cat", "dog"]).matrix
    assert matrix == Matrix("test", 3, ("cat", "dog", "2"), ((1, 0, 0), (0, 1, 1), (1, 0, 0)))
    assert (matrix.right, matrix.total, matrix.accuracy) == (2, 4, 0.5)
    assert matrix.shares == ((1.0, 0.0, 0.0), (0.0, 0.5, 0.5), (1.0, 0.0, 0.0))


def test_pairs_are_ranked_by_count_then_by_class() -> None:
    assert MATRIX.worst(9) == [(4, 2, 0), (1, 0, 1), (1, 2, 1)]
    assert MATRIX.worst(1) == [(4, 2, 0)]


def test_a_class_without_samples_has_no_recall() -> None:
    assert [score.recall for score in MATRIX.scores()] == [0.9, None, 0.5]
    assert [score.precision for score in MATRIX.scores()] == [9 / 13, 0.0, 1.0]
    assert MATRIX.shares[1] == (0.0, 0.0, 0.0)


def test_mistakes_are_told_most_confident_first_with_their_names() -> None:
    found = Evaluation(classified(names=np.array([b"x.png", b"\x1b.png"])), ["cat", "dog", ""]).mistakes
    assert found
    assert [(one.id, one.true, one.said, one.probability) for one in found.all] == [(103, 2, 0, 0.8), (101, 1, 2, 0.6)]
    assert [one.name for one in found.all] == ["x.png", "\\x1b.png"]
    assert (found.wrong, found.total, found.classes) == (2, 4, ("cat", "dog", "2"))


def test_names_are_harmless_lines() -> None:
    assert class_names(["a\x1bb\nc", "", "x" * 999], 4) == ("a\\x1bb c", "1", "x" * 199 + "…", "3")


@pytest.mark.parametrize(
    "arrays",
    [
        classified(top=np.array([[0], [1]])),
        classified(labels=np.array([-1, 0, 0, 0]), wrong=np.array([9])),
        classified(probabilities=np.zeros((1, 1))),
        classified(split=None, epoch=np.array([1, 2])),
        {"x": np.zeros((2, 1)), "y": np.zeros((3, 1)), "prediction": np.zeros((3, 1)), "split": "s", "epoch": 1},
    ],
)
def test_arrays_that_do_not_fit_together_are_one_line(arrays: dict[str, Any]) -> None:
    found = Evaluation(arrays, ["cat"])
    with pytest.raises(RunError, match=r"^the predictions are damaged: [^\n]+$"):
        _ = (found.mistakes, found.matrix, found.fit)


def test_a_line_needs_one_feature_and_a_straight_model() -> None:
    x = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]
    assert fitted_line(x, 3 * x + 1) == pytest.approx((3.0, 1.0))
    assert fitted_line(x, np.full_like(x, 2)) == pytest.approx((0.0, 2.0), abs=1e-6)
    assert fitted_line(x + 1e4, x * 2) == pytest.approx((2.0, -2e4), rel=1e-3)
    assert fitted_line(x, x**2) is None
    assert fitted_line(x, 3.0 * x.astype(np.float64) + 1_700_000_000) == pytest.approx((3.0, 1_700_000_000.0))
    assert fitted_line(x, np.full((9, 1), 1_700_000_000.3)) == pytest.approx((0.0, 1_700_000_000.3), abs=1e-6)
    assert fitted_line(x, 300.0 * x.astype(np.float64) ** 2 + 1_700_000_000) is None
    assert fitted_line(np.hstack([x, x]), x) is None
    assert fitted_line(x, np.hstack([x, x])) is None


@pytest.mark.parametrize("value", [0.0, 1.0, -3e38, 1e-45, np.nan, np.inf])
@pytest.mark.parametrize("prediction", [0.5, np.nan, -np.inf, 3e38])
@pytest.mark.parametrize("count", [1, 2, 50])
def test_samples_of_one_x_lie_on_no_line_and_warn_of_nothing(value: float, prediction: float, count: int) -> None:
    x = np.full((count, 1), value, dtype=np.float32)
    said = np.linspace(0, 1, count, dtype=np.float32)[:, None] + np.float32(prediction)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit(x, said, np.ones_like(x))
        assert found.line is None
        assert isinstance(found.spread, float)
        assert isinstance(found.mse, float)
        assert len(found.points) == len(found.worst(50)) == count


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
def test_a_line_of_any_size_warns_of_nothing(size: float) -> None:
    x = np.linspace(-size, size, 9)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = pytest.approx((1 / size, 0), rel=1e-9, abs=1e-12)
        assert fitted_line(x, np.linspace(-1, 1, 9)[:, None]) in (None, expected)


def test_residuals_are_ranked_by_size() -> None:
    x, y = np.arange(4.0)[:, None], np.array([[0.0], [5.0], [2.0], [-1.0]])
    found = fit(x, x, y)
    assert [(point.x, point.residual) for point in found.worst(2)] == [(1.0, 4.0), (3.0, -4.0)]
    assert found.mse == 8.0
    assert found.spread == pytest.approx(8**0.5)
    assert found.digits == 4
    assert fit(x, x, y + 1_700_000_000).digits == 12
    assert fit(x, x, y * 0 + 3).digits == fit(x, x, y * 0).digits == fit(x, x, y * np.nan).digits == 4
    several = fit(np.hstack([x, x]), np.hstack([x, y]), np.hstack([y, y]))
    assert several.worst(1) == [(None, 5.0, 1.0, 4.0)]
    assert several.mse == 4.0


def test_a_chart_shows_some_points_of_a_large_split_and_the_numbers_are_of_all() -> None:
    x = np.linspace(0, 1, 6_001)[:, None]
    bent = np.where(x > 0.9, 1.0, x)
    found = fit(x, bent, bent + (x == 1))
    assert len(found.points) == 5_000
    assert found.line is None
    assert found.worst(1)[0].residual == 1.0
