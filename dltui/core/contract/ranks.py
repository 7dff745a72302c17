"""Ranks: processes that train one run together, a device each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Spread = Literal["", "ranks", "replicas", "replicas+ranks"]
"""The way in which a backend trains on several devices: it does not, with a process for each, or all in one process;
the last with all of one machine in one process, and with a process for each worker of a launcher, given whole batches.
"""


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
