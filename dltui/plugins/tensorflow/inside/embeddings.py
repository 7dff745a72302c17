"""What a Keras model makes of samples before its last layer decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from dltui.plugins.tensorflow.inside.calls import recorded

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.tensorflow.trainable import KerasTrainable

HEADS = (keras.layers.Dense, keras.layers.Conv2D)


def embeddings(trainable: KerasTrainable, rows: slice) -> Array:
    """What the last dense layer, or convolution, is given for rows of the test split: float32 (n, features); images are
    averaged over their pixels. A network without such a layer gives its outputs.
    """
    with recorded(trainable.model) as calls:
        outputs = trainable.model(trainable.inputs("test", rows), training=False)
    given = next((call.given for call in reversed(calls) if isinstance(call.layer, HEADS)), outputs)
    found = tf.reduce_mean(given, (1, 2)) if given.shape.rank == 4 else tf.reshape(given, (outputs.shape[0], -1))
    values: Array = tf.cast(found, tf.float32).numpy()
    return values
