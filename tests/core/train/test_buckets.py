"""The curve's points: bounded in number, independent of chunks, spikes kept."""

import numpy as np

from dltui.core.train.buckets import MOST_POINTS, Buckets


def _curve(total: int, cuts: list[int]) -> tuple[list[int], list[float], list[float]]:
    loss = np.random.default_rng(0).random(total)
    buckets = Buckets(total)
    steps, means, highest = [], [], []
    first = 0
    for end in [*cuts, total]:
        part = loss[first:end]
        buckets.add(first, part, {"accuracy": part}, part)
        columns = buckets.take(final=end == total)
        first = end
        if columns:
            steps += columns["steps"]
            means += columns["loss"]
            highest += columns["loss_max"]
    return steps, means, highest


def test_cuts_do_not_change_the_curve() -> None:
    total = 3 * MOST_POINTS + 5
    assert _curve(total, []) == _curve(total, [1, 2, 10, 4_321, 50_000])


def test_the_number_of_points_is_bounded() -> None:
    steps, _, _ = _curve(5 * MOST_POINTS, [])
    assert len(steps) == MOST_POINTS
    assert steps[-1] == 5 * MOST_POINTS


def test_a_spike_survives_in_the_maximum() -> None:
    buckets = Buckets(4 * MOST_POINTS)
    loss = np.zeros(40)
    loss[17] = 9.0
    buckets.add(0, loss, {}, loss)
    columns = buckets.take(final=True)
    assert columns is not None
    assert max(columns["loss_max"]) == 9.0
    assert max(columns["loss"]) == 9.0 / 4


def test_a_short_run_keeps_every_step_and_an_unfilled_bucket_waits() -> None:
    buckets = Buckets(100)
    buckets.add(0, np.ones(3), {}, np.ones(3))
    assert buckets.take(final=False)["steps"] == [1, 2, 3]
    wide = Buckets(4 * MOST_POINTS)
    wide.add(0, np.ones(3), {}, np.ones(3))
    assert wide.take(final=False) is None
    assert wide.take(final=True)["steps"] == [3]
