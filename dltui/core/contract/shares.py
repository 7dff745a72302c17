"""Shares of a plan: the columns of each batch that one of several ranks trains on.

Rank r of w takes the columns r, r + w, ... of every batch, with all that was planned for them. So the samples of a step
are the same on any number of ranks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract import EpochPlan, Mixing

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


def share_of(plan: EpochPlan, number: int, world: int) -> EpochPlan:
    """The share of rank `number` of `world`. Where samples are mixed, the columns behind its own are the partners of
    these, which may be another rank's: they are loaded and changed here, too, and only mixed in.
    """
    own = np.arange(number, plan.batch, world)
    places = np.broadcast_to(own, (plan.steps, len(own)))
    mixing = plan.mixing
    if mixing is not None:
        behind = np.broadcast_to(np.arange(len(own), 2 * len(own), dtype=np.int32), places.shape)
        places = np.concatenate([places, mixing.partners[:, own]], axis=1)
        mixing = Mixing(np.ascontiguousarray(behind), mixing.shares, mixing.boxes)

    def columns(numbers: Array | None) -> Array | None:
        if numbers is None:
            return None
        wanted = places.reshape(*places.shape, *(1 for _ in numbers.shape[2:]))
        return np.take_along_axis(numbers, wanted, axis=1)

    indices = columns(plan.indices)
    assert indices is not None
    return replace(
        plan,
        indices=indices,
        augmentation=columns(plan.augmentation),
        color=columns(plan.color),
        erasing=columns(plan.erasing),
        mixing=mixing,
        crops=columns(plan.crops),
        whole=plan.batch,
    )


@dataclass(frozen=True)
class Part:
    """A part of a batch that is trained in several parts: consecutive columns of the batch, the same on any number of
    ranks. `samples` of its `whole` are this rank's: the first at `first` in the part.
    """

    first: int
    samples: int
    whole: int


def parts_of(batch: int, parts: int, number: int = 0, world: int = 1) -> list[Part]:
    """The parts of a batch; fewer where it has fewer samples."""
    columns = [part for part in np.array_split(np.arange(batch), parts) if len(part)]
    return [
        Part(int((number - part[0]) % world), int(np.count_nonzero(part % world == number)), len(part))
        for part in columns
    ]
