"""Ranks: processes that train one run together, a device each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Spread = Literal["", "ranks", "replicas", "replicas+ranks"]
"""The way in which a backend trains on several devices: it does not, with a process for each, or all in one process;
the last with all of one machine in one process, and with a process for each worker of a launcher, given whole batches.
"""


@dataclass(frozen=True)
class Spreading:
    """What a backend's `spread` means. On the devices of one machine it trains `here`: not at all, in a process for
    each, or in one process. `joins`: it trains in a process for each worker of a launcher. Ranks are given their
    columns of a plan, or the `whole` plan.
    """

    here: Literal["", "ranks", "replicas"] = ""
    joins: bool = False
    whole: bool = False


SPREADS: Mapping[str, Spreading] = {
    "": Spreading(),
    "ranks": Spreading("ranks", joins=True),
    "replicas": Spreading("replicas"),
    "replicas+ranks": Spreading("replicas", joins=True, whole=True),
}
"""By the words of `Spread`."""


def spreading(backend: object) -> Spreading:
    """How a backend, or a catalog's entry of one, trains on several devices."""
    return SPREADS[getattr(backend, "spread", "")]


@dataclass(frozen=True)
class Rank:
    """The place of a process among those that train a run together: `number` of `world`, counted from 0.

    All ranks are given the same calls in the same order, each with its own columns of the plan. `rendezvous` is the URL
    by which a framework's process group finds its members ("file:///...", on several machines "tcp://HOST:PORT"); it
    stands for one start of the run. `addresses` are HOST:PORT of each rank, free ports of its machine; none where the
    worker has started all of them.
    """

    number: int
    world: int
    rendezvous: str
    addresses: tuple[str, ...] = ()
