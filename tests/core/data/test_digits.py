"""What is taken off numbers so that float32 keeps the digits in which they differ, and when nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract import Arrays, Target
from dltui.core.data import digits
from dltui.core.data.arrays import checked, make_spec
from dltui.core.errors import RunError

STEPS = 37 * np.arange(500) % 500


def column(*values: object) -> np.ndarray:
    return np.array(values).reshape(-1, 1)


@pytest.mark.parametrize(
    "start",
    [1_700_000_000, 1_700_000_000.0, 1_700_000_000_000_000_000, 2**60 + 3, -(2**62), np.uint64(2**63 + 9), 9e15],
)
def test_numbers_far_from_zero_keep_their_distances(start: float) -> None:
    values = (np.array(start) + STEPS.astype(np.array(start).dtype)).reshape(-1, 1)
    taken = digits.offsets(values)
    assert taken[0] == round(taken[0])
    near = digits.distances(values, taken).astype(np.float32)[:, 0]
    assert np.array_equal(near - near[0], STEPS - STEPS[0])
    assert np.abs(near).max() < 600


@pytest.mark.parametrize(("start", "step"), [(0.4, 1e-9), (1e6 + 0.5, 1e-7), (-3e-5, 1e-14)])
def test_the_mean_itself_is_taken_where_a_whole_number_is_too_far(start: float, step: float) -> None:
    values = (start + step * (STEPS - 250.0)).reshape(-1, 1)
    taken = digits.offsets(values)
    assert taken[0] == pytest.approx(start)
    near = digits.distances(values, taken).astype(np.float32)
    assert np.allclose(near - near.mean(), values - values.mean(), atol=1e-3 * values.std())


@pytest.mark.parametrize(
    "values",
    [
        column(0.1, 0.1, 0.1),
        column(*[0.1] * 7),
        column(0.3, 0.1 + 0.2, 0.3),
        column(1_700_000_000, 1_700_000_000),
        column(16_777_217.0, 16_777_217.0),
        column(0.1, 5.3, 1e9),
        column(np.float32(1.7e9), np.float32(1.7e9 + 128)),
        column(1.0, 1e300),
        column(1.0, np.nan),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
    ],
)
def test_nothing_is_taken_where_float32_loses_nothing(values: np.ndarray) -> None:
    assert not digits.offsets(values).any()
    assert digits.offsets(values).shape == values.shape[1:]


def regressed(train: object, test: object, **more: object) -> Arrays:
    parts = [(np.zeros((len(y), 1)), y) for y in map(np.asarray, (train, test))]
    return Arrays(*parts, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_a_target_keeps_the_digits_of_any_type(kind: type) -> None:
    y = (1_700_000_000 + STEPS).astype(kind)
    found = checked("regression", regressed(y, y[:9]))
    (target,) = found.targets
    assert (target.name, target.mean, target.std, target.offset) == ("", 0.0, 1.0, 1_700_000_250.0)
    assert np.array_equal(found.train[1][:, 0] + np.float64(target.offset), y)
    assert np.array_equal(found.test[1][:, 0] + np.float64(target.offset), y[:9])
    assert found.train[1].dtype == np.float32
    assert found.notes == ("the target has more digits than float32: taken as the distance from 1700000250",)
    assert make_spec("regression", found, np.arange(9)).targets == found.targets


def test_targets_of_different_scales_are_moved_alone() -> None:
    y = np.stack([1_700_000_000.0 + STEPS, STEPS * 1e-30, np.full(500, 0.1), STEPS * 1e30], axis=1)
    scales = zip("abcd", y.mean(axis=0), (144.0, 1e-28, 1.0, 1e32), strict=True)
    known = tuple(Target(*scale) for scale in scales)
    found = checked("regression", regressed(y, y[:5], targets=known))
    assert found.targets[1:] == known[1:]
    assert found.targets[0].offset == 1_700_000_250.0
    assert found.targets[0].mean == pytest.approx(-0.5)
    assert found.targets[0].std == 144.0
    assert found.notes == ("target 'a' has more digits than float32: taken as the distance from 1700000250",)
    np.testing.assert_allclose(found.train[1][:, 1:], y[:, 1:], rtol=1e-6)


def test_targets_that_are_none_are_refused_as_ever() -> None:
    y = 1_700_000_000.0 + STEPS
    with pytest.raises(RunError, match="train sample 3 has targets that are not finite"):
        checked("regression", regressed(np.where(STEPS[3] == STEPS, np.nan, y), y))
    with pytest.raises(RunError, match="train targets have shape"):
        checked("regression", regressed(np.stack([y, y], axis=1), y))
    with pytest.raises(RunError, match="must be numbers"):
        checked("regression", regressed(y.astype(str), y))
