"""Heat maps of a Keras model's answers, by Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dltui.plugins.heat_maps import Call, heat_map, layer_of
from dltui.plugins.tensorflow.inside.calls import Called, recorded

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.tensorflow.trainable import KerasTrainable

CONVOLUTIONS = (
    keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D,
)  # fmt: skip


def heat_maps(trainable: KerasTrainable, rows: slice, outputs: Array) -> Array:
    """For rows of the test split, the map of each of the named outputs (n, k): float32 (n, k, height, width). Raises
    RunError for a network without convolutions.
    """
    inputs = trainable.inputs("test", rows)
    with tf.GradientTape(persistent=True) as tape, recorded(trainable.model) as calls:
        # Whatever is frozen, gradients lead back to the samples.
        tape.watch(inputs)
        answers = trainable.model(inputs, training=False)
        explained = calls[layer_of([_call(call) for call in calls])].output
        columns = [
            tf.reduce_sum(tf.gather(answers, column, axis=1, batch_dims=1))
            for column in np.asarray(outputs, np.int64).T
        ]
    activations = _array(explained)
    found = [
        heat_map(activations, _array(tape.gradient(score, explained, unconnected_gradients="zero")))
        for score in columns
    ]
    return np.stack(found, axis=1)


def _call(call: Called) -> Call:
    height, width = call.output.shape[1:3] if call.output.shape.rank == 4 else (0, 0)
    return Call(isinstance(call.layer, CONVOLUTIONS), (height, width))


def _array(tensor: Any) -> Array:
    values: Array = tf.cast(tensor, tf.float32).numpy()
    return values
