"""The range test finds the rate that is known to be best, whatever the curvature, and ends where the loss diverges."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.core.contract import EpochPlan, StepStats
from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.finders import range_test
from dltui.core.finders.range_test import Curve, rates, run, suggest
from dltui.core.finders.rate_range import HIGHEST, LOWEST
from dltui.core.train.plan import Planner

FACTOR = 8


class Bowl:
    """The loss is the mean of h w^2 / 2 over the weights w, which gradient descent lets vanish."""

    def __init__(self, curvatures: Any, noise: float = 0.0, seed: int = 0) -> None:
        self.h, self.w = curvatures, np.ones_like(curvatures)
        self.noise, self.random = noise, np.random.default_rng(seed)
        self.lr: list[float] = []
        self.rows: list[Any] = []

    def begin_epoch(self, plan: EpochPlan) -> None:
        self.plan, self.next = plan, 0

    def advance(self, steps: int) -> StepStats:
        losses = []
        for _ in range(steps):
            lr = float(self.plan.lr[self.next])
            self.lr.append(lr)
            self.rows.append(self.plan.indices[self.next])
            self.next += 1
            with np.errstate(over="ignore", invalid="ignore"):
                losses.append(float((self.h * self.w**2).mean() / 2) * (1 + self.noise * self.random.normal()))
                self.w = self.w - lr * self.h * self.w
        return StepStats(np.array(losses) * self.plan.batch)


def planner(samples: int = 1000, **options: Any) -> Planner:
    return Planner(TrainConfig.model_validate({"batch_size": 10, **options}), samples)


def curve_of(bowl: Any, steps: int = 100, plan: Planner | None = None, **more: Any) -> Curve:
    ticks = itertools.count()
    return run(bowl, plan or planner(), steps, lambda: next(ticks) * 0.001, **more)


@given(
    largest=st.floats(0.3, 1000),
    condition=st.sampled_from([1.0, 10.0, 100.0]),
    noise=st.floats(0, 0.1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, derandomize=True)
def test_the_proposal_is_near_the_best_rate(largest: float, condition: float, noise: float, seed: int) -> None:
    h = np.geomspace(largest, largest / condition, 10)
    best = 2 / (h[0] + h[-1])
    found = suggest(curve_of(Bowl(h, noise, seed)))
    assert found.lr is not None
    assert best / FACTOR < found.lr < best, "below it, where it is still stable"
    assert found.steepest is not None
    assert found.least is not None
    assert found.steepest <= found.lr * 1.05 <= found.least * 1.1


def test_the_rate_grows_by_the_same_factor_over_the_batches_of_the_run() -> None:
    bowl, plan = Bowl(np.full(1, 1e-9)), planner(samples=50, epochs=2)
    curve = curve_of(bowl, 12, plan)
    assert not curve.diverged
    np.testing.assert_allclose(curve.lr, np.geomspace(LOWEST, HIGHEST, 12), rtol=1e-6)
    assert bowl.lr == list(curve.lr)
    # Five steps an epoch, two epochs, and again the first.
    batches = [row for epoch in (0, 1, 0) for row in plan.epoch(epoch).indices][:12]
    assert all(np.array_equal(a, b) for a, b in zip(bowl.rows, batches, strict=True))


def test_slow_steps_are_fewer() -> None:
    assert (range_test.steps_for(0.001), range_test.steps_for(0.5), range_test.steps_for(9)) == (100, 80, 40)
    ticks = iter([0.0, 1.2])
    bowl = Bowl(np.full(1, 1e-9))
    assert len(run(bowl, planner(), 0, lambda: next(ticks)).lr) == 66, "at 0.6 s each"
    assert bowl.lr[:4] == [pytest.approx(LOWEST)] * 4, "three for the time, then the first of the test"


def test_no_step_has_a_rate_that_is_not_accepted() -> None:
    for steps in (0, 50):
        bowl = Bowl(np.full(1, 1e-9))
        curve_of(bowl, steps, lowest=1e-6, highest=0.1, accepted=(1e-6, 0.1))
        assert all(1e-6 <= lr <= 0.1 for lr in bowl.lr)


def test_it_ends_where_the_loss_diverges() -> None:
    told: list[tuple[float, float]] = []
    curve = curve_of(Bowl(np.full(4, 20.0)), tell=lambda lr, loss: told.append((lr, loss)))
    assert curve.diverged
    assert 0.1 < curve.lr[-1] < 1
    assert told == list(zip(curve.lr, curve.loss, strict=True))
    assert np.isfinite(curve.loss).all()


def test_a_loss_that_is_no_number_from_the_start_is_no_matter_of_rates() -> None:
    with pytest.raises(RunError, match="first step is not a finite number: no learning rate helps"):
        curve_of(Bowl(np.full(1, np.nan)))


def test_no_proposal_where_nothing_falls() -> None:
    found = suggest(curve_of(Bowl(np.full(1, 1e-9))))
    assert (found.lr, found.steepest, found.least) == (None, None, None)


def test_smoothing_moves_no_curve() -> None:
    lr = rates(71)
    bell = -np.exp(-((np.log10(lr) + 2) ** 2))
    assert abs(int(np.argmin(range_test.smooth(lr, bell))) - int(np.argmin(bell))) <= 1
    one_spike = suggest(Curve(tuple(lr.tolist()), (*(bell + 1).tolist()[:-1], 1e9), True))
    assert one_spike.least == pytest.approx(0.01, rel=0.3), "a last loss of a billion hides nothing"
