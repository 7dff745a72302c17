"""Several devices in one process: `tf.distribute.MirroredStrategy` keeps a copy of the model on each.

A batch is made on the first device, its columns r, r + w, ... go to replica r of w, the gradients come back as a sum,
and the first device changes the weights, which the others then copy. Batch norm has the statistics of the whole batch:
the mean is added up over all replicas first and then the squared distances from it; dropout draws for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from dltui.plugins.tensorflow.neutral import primary

SUM = tf.distribute.ReduceOp.SUM
OF_KERAS = (keras.layers.Dropout.call, keras.layers.SpatialDropout2D.call)
"""A dropout layer with a `call` of its own draws by itself."""


class Replicas:
    """The copies of a model on several devices, TensorFlow's names of them."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._strategy = _strategy(tuple(devices))
        self.world = len(devices)
        self._whole = 0
        """The samples of the part of a batch that is computed now."""
        self._there: list[bool] = []
        """Which variables have a gradient, the same on all replicas."""

    def building(self) -> AbstractContextManager[Any]:
        """The context in which variables are made that each replica has a copy of."""
        found: AbstractContextManager[Any] = self._strategy.scope()
        return found

    def adopt(self, model: Any) -> None:
        """Let Keras's own layers compute with the whole batch."""
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer._moments = _moments_of(layer)
            if isinstance(layer, keras.layers.Dropout) and type(layer).call in OF_KERAS:
                layer.call = self._dropout(layer)

    def follow(self, variables: Sequence[Any]) -> None:
        """Copy variables from the first replica to the others; part of a graph, or at once."""
        for variable in variables:
            for other in getattr(variable, "values", ())[1:]:
                other.assign(primary(variable))

    def compute(self, part: Callable[..., Any], x: Any, y: Any, mixed: tuple[Any, Any] | None, size: int) -> Any:
        """What `part(x, y, mixed, share)` gives for a part of a batch of this size, summed up over all replicas; each
        gets its share of the samples."""
        columns = [slice(number, None, self.world) for number in range(self.world)]
        xs = [tf.nest.map_structure(lambda one, mine=mine: one[mine], x) for mine in columns]
        ys = [y[mine] for mine in columns]
        others = [(mixed[0][mine], mixed[1]) if mixed else None for mine in columns]
        shares = [len(range(size)[mine]) / size for mine in columns]

        def of_replica() -> Any:
            number = self._number()
            loss, metric, gradients, named = part(xs[number], ys[number], others[number], shares[number])
            self._there = [gradient is not None for gradient in gradients]
            known = [gradient for gradient in gradients if gradient is not None]
            return loss, tf.cast(metric, tf.float64), known, named

        self._whole = size
        try:
            loss, metric, known, named = self._strategy.run(of_replica)
        finally:
            self._whole = 0
        sums = iter([self._sum(gradient) for gradient in known])
        gradients = [next(sums) if there else None for there in self._there]
        return self._sum(loss), self._sum(metric), gradients, [self._sum(value) for value in named]

    def _sum(self, values: Any) -> Any:
        return self._strategy.reduce(SUM, values, axis=None)

    def _number(self) -> int:
        """The number of the replica that is computed."""
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return number if isinstance(number, int) else int(tf.get_static_value(number))

    def _dropout(self, layer: Any) -> Callable[..., Any]:
        alone = layer.call

        def call(inputs: Any, training: bool = False) -> Any:
            size = self._whole
            mine = slice(self._number(), None, self.world) if size else slice(None)
            if not (training and layer.rate > 0 and size and inputs.shape[0] == len(range(size)[mine])):
                return alone(inputs, training=training)
            ones = tf.ones((size, *inputs.shape[1:]), inputs.dtype)
            # Spatial dropout drops whole channels.
            shape_of = getattr(layer, "_get_noise_shape", None)
            shape = shape_of(ones) if shape_of else layer.noise_shape
            noise = keras.random.dropout(ones, layer.rate, shape, seed=layer.seed_generator)
            return inputs * noise[mine]

        return call


@cache
def _strategy(devices: tuple[str, ...]) -> Any:
    """The strategy of this process: the sums of a second one would get numbers that those of the first have."""
    return tf.distribute.MirroredStrategy(list(devices))


def are_several() -> bool:
    """True inside of a step on several replicas."""
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync > 1


def sum_over_all(value: Any) -> Any:
    """The sum over all replicas, also in the gradient."""
    return tf.distribute.get_replica_context().all_reduce(SUM, value)


def moments(x: Any, axes: Sequence[int]) -> tuple[Any, Any, Any]:
    """Mean, biased variance and count of the whole batch, without the axes."""
    kind = x.dtype if x.dtype in (tf.float64, tf.float32) else tf.float32
    wide = tf.cast(x, kind)
    here = tf.cast(tf.reduce_prod([tf.shape(x)[axis] for axis in axes]), kind)
    count = sum_over_all(here)
    mean = sum_over_all(tf.reduce_sum(wide, axes, keepdims=True)) / count
    variance = sum_over_all(tf.reduce_sum(tf.square(wide - mean), axes)) / count
    return tf.reshape(mean, tf.shape(variance)), variance, count


def over_all(count: Any, samples: Any) -> Any:
    """A count over all replicas, as a mean over this replica's samples needs it: weighted by its share of them."""
    if not are_several():
        return count
    count, samples = tf.cast(count, tf.float64), tf.cast(samples, tf.float64)
    return sum_over_all(count) * samples / sum_over_all(samples)


def _moments_of(layer: Any) -> Callable[..., Any]:
    alone = layer._moments

    def found(inputs: Any, mask: Any) -> Any:
        if mask is not None or not are_several():
            return alone(inputs, mask)
        mean, variance, _ = moments(inputs, layer._reduction_axes)
        return mean, variance

    return found
