"""Several processes, one device each: all make the same batches, and each computes its columns of them.

Each has the whole model. Gradients, losses and the statistics of batch norm are added up over all processes, which then
change their weights by the same numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.plugins.tensorflow.replicas import SUM, Replicas

if TYPE_CHECKING:
    from dltui.core.contract import Rank

_joined: list[Any] = []
"""The strategy of this process, which can join others once."""


def join(rank: Rank) -> None:
    """Meet the other processes. Comes before TensorFlow computes anything in this one."""
    if _joined:
        return
    hosts = ",".join({address.rpartition(":")[0] for address in rank.addresses})
    # What gRPC reads: its messages to another rank are not for a proxy.
    os.environ["no_grpc_proxy"] = hosts  # noqa: SIM112
    cluster = {"cluster": {"worker": list(rank.addresses)}, "task": {"type": "worker", "index": rank.number}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    _joined.append(tf.distribute.MultiWorkerMirroredStrategy())


class Ranks(Replicas):
    """This process among those that train together."""

    def __init__(self, rank: Rank) -> None:
        self._strategy = _joined[0]
        self.world = rank.world
        self._rank = rank.number
        self._whole = 0

    def building(self) -> AbstractContextManager[Any]:
        """Nothing: the variables are this process's own."""
        return nullcontext()

    def compute(self, part: Callable[..., Any], x: Any, y: Any, mixed: tuple[Any, Any] | None, size: int) -> Any:
        """As of replicas; this process is given the whole part of a batch, too."""
        mine = slice(self._rank, None, self.world)
        others = (mixed[0][mine], mixed[1]) if mixed else None

        def of_rank() -> Any:
            own = tf.nest.map_structure(lambda one: one[mine], x)
            loss, metric, gradients, named = part(own, y[mine], others, len(range(size)[mine]) / size)
            numbers = [loss, tf.cast(metric, tf.float64), *named]
            found = _sums([*numbers, *(gradient for gradient in gradients if gradient is not None)])
            sums = iter(found[len(numbers) :])
            whole = [None if gradient is None else next(sums) for gradient in gradients]
            return found[0], found[1], whole, found[2 : len(numbers)]

        self._whole = size
        try:
            return self._strategy.run(of_rank)
        finally:
            self._whole = 0

    def _number(self) -> int:
        return self._rank


def _sums(values: Sequence[Any]) -> list[Any]:
    """The sums of tensors over all ranks, those of one type in one message."""
    found: dict[int, Any] = {}
    for kind in dict.fromkeys(value.dtype for value in values):
        places = [place for place, value in enumerate(values) if value.dtype == kind]
        flat = tf.concat([tf.reshape(values[place], (-1,)) for place in places], 0)
        whole = tf.distribute.get_replica_context().all_reduce(SUM, flat)
        pieces = tf.split(whole, [int(values[place].shape.num_elements()) for place in places])
        found |= {place: tf.reshape(piece, values[place].shape) for place, piece in zip(places, pieces, strict=True)}
    return [found[place] for place in range(len(values))]
