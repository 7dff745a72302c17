"""The shares of several ranks in a plan: together they are the plan, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract import EpochPlan
from dltui.core.contract.config import TrainConfig
from dltui.core.contract.shares import parts_of, share_of
from dltui.core.train.plan import Planner

CONFIG = {"batch_size": 7, "augment": "crop", "color": 0.2, "erase": 0.5, "seed": 3}


def plan(**config: object) -> EpochPlan:
    checked = TrainConfig.model_validate({**CONFIG, **config})
    return Planner(checked, 30, shape=(8, 8, 3), stored=(10, 10, 3)).epoch(1, skip=1)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_shares_are_columns(world: int) -> None:
    whole = plan()
    for number in range(world):
        share = share_of(whole, number, world)
        assert (share.batch, share.whole) == (len(range(number, 7, world)), 7)
        assert (share.epoch, share.first_step, share.steps) == (whole.epoch, whole.first_step, whole.steps)
        for name in ("indices", "color", "erasing", "crops"):
            np.testing.assert_array_equal(getattr(share, name), getattr(whole, name)[:, number::world])


def test_partners_come_along_with_all_that_is_planned_for_them() -> None:
    whole = plan(mixup=0.4)
    assert whole.mixing is not None
    for number in range(2):
        share, own = share_of(whole, number, 2), np.arange(number, 7, 2)
        assert share.mixing is not None
        assert share.batch == len(own)
        for step in range(whole.steps):
            partners = whole.mixing.partners[step, own]
            for name in ("indices", "color", "erasing", "crops"):
                mine, all_of_it = getattr(share, name)[step], getattr(whole, name)[step]
                np.testing.assert_array_equal(mine[share.mixing.partners[step]], all_of_it[partners])
                np.testing.assert_array_equal(mine[: len(own)], all_of_it[own])


def test_parts_of_a_batch_are_the_same_samples_on_any_number_of_ranks() -> None:
    for batch, parts, world in ((30, 1, 2), (31, 4, 2), (10, 3, 3), (5, 7, 1)):
        pieces = np.array_split(np.arange(batch), parts)
        for number in range(world):
            found = parts_of(batch, parts, number, world)
            own = list(range(number, batch, world))
            for part, columns in zip(found, pieces, strict=False):
                taken, own = own[: part.samples], own[part.samples :]
                assert taken == [column for column in columns if column % world == number]
                assert part.whole == len(columns)
                assert not taken or taken[0] == columns[part.first]
            assert not own
