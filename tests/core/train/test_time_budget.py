"""Training for a time: durations, how many steps fit, and the schedule that ends with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig
from dltui.core.errors import UsageError
from dltui.core.train.options.time_budget import TimeBudget, check_clear, parse, phases, too_long
from dltui.core.train.plan import MOST_EPOCHS, Planner


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("90", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("2 min", 120)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "-5m", "10x", "1e400", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="max_time takes a duration"):
        parse(text)


@pytest.mark.parametrize(("text", "seconds"), [("1h30", 3630), ("1d12", 86412), ("5 5", 10), ("30 1h", 3630)])
def test_a_time_that_is_not_clear_is_for_runs_that_have_it(text: str, seconds: float) -> None:
    assert parse(text) == seconds
    with pytest.raises(UsageError, match="max_time takes a duration"):
        check_clear(text)


@pytest.mark.parametrize("text", ["90", " 90 ", "1h30m", "2 min", "soon"])
def test_other_times_are_clear(text: str) -> None:
    check_clear(text)


def test_a_fitted_schedule_goes_on_where_it_was_and_ends_with_the_time() -> None:
    config = TrainConfig(epochs=1, batch_size=10, lr=1.0, schedule="cosine", max_time="10s")
    planner = Planner(config, 100)
    assert planner.epochs == MOST_EPOCHS
    planner.fit(4, 50)
    planner.fit(20, 33)
    assert (planner.total_steps, planner.epochs) == (33, 4)
    assert [planner.steps_of(epoch) for epoch in range(5)] == [10, 10, 10, 3, 0]
    assert planner.epoch(3).steps == 3
    lr = planner.learning_rates(np.arange(33))
    assert (np.diff(lr) <= 1e-6).all()
    assert np.abs(np.diff(lr)).max() < 0.2, "no estimate makes it jump"
    assert lr[-1] < 0.02
    again = Planner(config, 100, fits=[(4, 50), (20, 33)])
    assert np.array_equal(again.learning_rates(np.arange(33)), lr)


def test_the_schedule_of_a_fork_goes_on_at_the_share_of_its_time_that_is_used() -> None:
    config = TrainConfig(epochs=1, batch_size=10, lr=1.0, schedule="cosine", max_time="10s")
    planner = Planner(config, 100, begun=(3, 0.5))
    assert planner.learning_rates(np.array([30, 40])) == pytest.approx([0.5, 0.5], abs=1e-3), "its speed is not known"
    planner.fit(32, 62)
    assert (planner.total_steps, planner.steps_of(5), planner.steps_of(6)) == (62, 10, 2)
    assert planner.learning_rates(np.array([32, 47, 61])) == pytest.approx([0.5, 0.146, 0], abs=0.01)


def test_phases_go_from_nothing_to_all() -> None:
    found = phases(np.arange(101), [(0, 1_000_000), (10, 100)])
    assert found[10] < 1e-4
    assert found[55] == pytest.approx(0.5, abs=1e-4)
    assert found[100] == pytest.approx(1)


def spent(seconds: float, times: Callable[[int], float], begun: float = 0.0) -> tuple[float, list[tuple[int, int]]]:
    """The seconds of a run that trains for a time, of which step `n` takes `times(n)`, and what was estimated."""
    budget, now, step, total = TimeBudget(seconds), begun, 0, 10**9
    fits: list[tuple[int, int]] = []
    while step < total:
        now += times(step)
        step += 1
        found = budget.total(now, step, total)
        if found is not None:
            total = found
            fits.append((step, total))
    return now, fits


def test_estimates_come_seldom_and_hit_the_time() -> None:
    """At a speed that changes on the way, the time is met within a few hundredths."""
    seconds, fits = spent(60.0, lambda step: 0.01 if step < 1500 else 0.016)
    assert 58 < seconds < 62
    assert len(fits) < 40


@pytest.mark.parametrize(("budget", "slow"), [(2.0, 1), (20.0, 1), (20.0, 3), (45.0, 20)])
def test_slow_first_steps_neither_end_a_run_early_nor_use_up_its_schedule(budget: float, slow: int) -> None:
    """They compile, fill caches, or wait for a device that another process uses."""
    seconds, fits = spent(budget, lambda step: 0.9 / slow if step < slow else 0.002)
    assert 0.95 * budget < seconds < 1.05 * budget
    steps = fits[-1][1]
    halfway = phases(np.arange(steps), [(0, 10**9), *fits])[steps // 2]
    assert 0.3 < halfway < 0.75
    assert len(fits) < 40


def test_an_attempt_that_goes_on_knows_nothing_of_its_speed_yet() -> None:
    """Its first chunk is slow, too."""
    seconds, fits = spent(40.0, lambda step: 0.8 if not step else 0.005, begun=11.5)
    assert 39 < seconds < 41
    assert fits[0][0] > 1


def test_a_run_without_time_left_ends_soon() -> None:
    seconds, fits = spent(1.0, lambda step: 1.3 if not step else 0.01)
    assert seconds < 1.5
    assert len(fits) == 1


@pytest.mark.parametrize("each", [0.4, 3.0, 11.0])
def test_long_steps_do_not_go_beyond_the_time_by_more_than_one(each: float) -> None:
    seconds, _ = spent(10.0, lambda _: each)
    assert 10 - each <= seconds <= max(10 + each, 2 * each)


def test_what_does_not_fit_into_the_time_is_told() -> None:
    assert list(too_long(2, 5, 6)) == []
    warmup, frozen = too_long(900, 9000, 191)
    assert "about 191 epochs fit into max_time, and warmup takes 900" in warmup
    assert "unfreeze_at is 9000" in frozen
