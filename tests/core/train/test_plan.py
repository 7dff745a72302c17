"""The plan: every framework sees these batches and learning rates, whoever asks and whenever."""

from typing import Any

import numpy as np
import pytest

from dltui.core.contract.config import TrainConfig, schedule
from dltui.core.errors import RunError
from dltui.core.train.plan import Planner, permutation
from dltui.core.train.position import Progress
from dltui.core.worker.attempt import _prepare


def test_an_epoch_is_a_permutation_without_its_incomplete_batch() -> None:
    planner = Planner(TrainConfig(batch_size=10), samples=37)
    plan = planner.epoch(0)
    assert plan.indices.shape == (3, 10)
    assert plan.indices.dtype == np.int32
    assert plan.lr.dtype == np.float32
    assert len(np.unique(plan.indices)) == 30
    assert plan.indices.min() >= 0
    assert plan.indices.max() < 37


def test_fewer_samples_than_a_batch_make_one_batch_of_all() -> None:
    planner = Planner(TrainConfig(batch_size=256), samples=9)
    assert planner.epoch(0).indices.shape == (1, 9)


def test_epochs_and_seeds_differ_and_repeat() -> None:
    one, other = permutation(1, 0, 100), permutation(1, 1, 100)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, permutation(2, 0, 100))
    assert np.array_equal(one, permutation(1, 0, 100))


def test_resuming_is_the_rest_of_the_plan() -> None:
    planner = Planner(TrainConfig(batch_size=5, schedule="one-cycle"), samples=100)
    whole, rest = planner.epoch(3), planner.epoch(3, skip=7)
    assert rest.first_step == 3 * 20 + 7
    assert np.array_equal(whole.indices[7:], rest.indices)
    assert np.array_equal(whole.lr[7:], rest.lr)


def test_a_new_lr_holds_from_its_step_and_keeps_the_shape() -> None:
    config = TrainConfig(batch_size=10, epochs=4, schedule="one-cycle", lr=0.1)
    planner, changed = Planner(config, samples=100), Planner(config, samples=100, changes=[(25, 0.05)])
    steps = np.arange(40)
    before, after = planner.learning_rates(steps), changed.learning_rates(steps)
    assert np.array_equal(before[:25], after[:25])
    np.testing.assert_allclose(after[25:], before[25:] / 2, rtol=1e-6)


def test_a_later_change_replaces_what_was_planned_after_it() -> None:
    planner = Planner(TrainConfig(lr=0.1), samples=1000)
    planner.change_lr(30, 0.3)
    planner.change_lr(10, 0.2)
    assert planner.changes == [(10, 0.2)]


def test_one_cycle_agrees_with_its_paper() -> None:
    factor = schedule("one-cycle", np.arange(1001), 1001)
    assert factor[0] == pytest.approx(1 / 25)
    assert factor[300] == pytest.approx(1.0)
    assert factor[1000] == pytest.approx(1 / 25e4)
    assert np.all(np.diff(factor[:301]) > 0)
    assert np.all(np.diff(factor[300:]) < 0)


def test_one_cycle_of_a_single_step_is_finite() -> None:
    assert np.isfinite(schedule("one-cycle", np.arange(1), 1)).all()


def test_cosine_falls_from_the_full_rate_and_never_reaches_zero() -> None:
    factor = schedule("cosine", np.arange(100), 100)
    assert factor[0] == 1.0
    assert factor[50] == pytest.approx(0.5)
    assert (np.diff(factor) < 0).all()
    assert 0 < factor[-1] < 0.001


def test_cosine_of_a_run_with_one_step_trains() -> None:
    planner = Planner(TrainConfig(batch_size=9, epochs=1, schedule="cosine", lr=0.2), samples=9)
    assert planner.epoch(0).lr.tolist() == pytest.approx([0.2])


@pytest.mark.parametrize("name", ["constant", "cosine", "one-cycle"])
def test_added_epochs_leave_the_plan_before_them_as_it_was(name: str) -> None:
    config = TrainConfig(batch_size=10, epochs=4, schedule=name, lr=0.1)
    planner, longer = Planner(config, samples=100), Planner(config, samples=100, added=[2, 3])
    assert (planner.epochs, longer.epochs, longer.total_steps) == (4, 9, 90)
    steps = np.arange(90)
    assert np.array_equal(planner.learning_rates(steps[:40]), longer.learning_rates(steps)[:40])
    added = Planner(TrainConfig(batch_size=10, epochs=2, schedule=name, lr=0.1), samples=100)
    assert np.array_equal(longer.learning_rates(steps)[40:60], added.learning_rates(np.arange(20)))


class Steps(TrainConfig):
    wrong: str = ""

    def schedule_factors(self, steps: Any, total: int) -> Any:
        wrong = {"nan": np.full(len(steps), np.nan), "short": [1.0], "negative": -1.0 * (steps + 1)}
        return wrong.get(self.wrong, 1 - steps / total)


def test_a_config_may_bring_its_own_schedule() -> None:
    planner = Planner(Steps(batch_size=10, epochs=2, lr=0.5), samples=40)
    assert planner.epoch(1).lr.tolist() == [0.25, 0.1875, 0.125, 0.0625]


@pytest.mark.parametrize(("wrong", "found"), [("nan", "nan to nan"), ("short", "shape (1,)"), ("negative", "-4 to -1")])
def test_a_schedule_that_gives_no_numbers_is_refused(wrong: str, found: str) -> None:
    with pytest.raises(RunError) as error:
        Planner(Steps(batch_size=10, wrong=wrong), samples=40).epoch(0)
    told = f"schedule_factors of the model's Config gave {found}; wanted are 4 finite numbers from 0 on"
    assert str(error.value) == told


def test_the_steps_that_are_left_are_what_a_backend_gets_ready_for() -> None:
    """A resumed run has done some; the last epoch of one that trains for a time is cut short."""
    told: list[tuple[int, int]] = []

    class Ready:
        def prepare(self, plan: Any, steps: int) -> tuple[str, ...]:
            told.append((plan().steps, steps))
            return ("ready",)

    planner = Planner(TrainConfig(batch_size=10, epochs=4), samples=100)
    assert _prepare(Ready(), planner, Progress()) == ("ready",)  # type: ignore[arg-type]
    _prepare(Ready(), planner, Progress(epoch=3, step_in_epoch=2))  # type: ignore[arg-type]
    fitted = Planner(TrainConfig(batch_size=10, max_time="10s"), samples=100, fits=[(4, 33)])
    _prepare(Ready(), fitted, Progress(epoch=2, step_in_epoch=1))  # type: ignore[arg-type]
    assert told == [(10, 40), (10, 8), (10, 12)]
    assert fitted.steps_done(4, 0) == 33
    assert _prepare(object(), planner, Progress()) == ()  # type: ignore[arg-type]
