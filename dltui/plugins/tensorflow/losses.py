"""The loss of each task, a mean over the batch, and the metric beside it, of which the parts of a batch add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.options import class_weights
from dltui.plugins.tensorflow.replicas import over_all

if TYPE_CHECKING:
    from dltui.core.contract import Data
    from dltui.core.contract.config import TrainConfig

OfBatch = Callable[[Any, Any], Any]
"""A function from outputs and targets of a batch to a number."""


def training_loss(config: TrainConfig, data: Data, kind: str) -> OfBatch:
    """The loss of a training batch. With class weights it is sum(weight * loss) / samples, as in Keras: the parts of a
    batch then add up. Smoothing gives each class `label_smoothing / classes` of a target. Raises UsageError.
    """
    if "class_weights" not in TASKS[data.spec.task].options:
        return STANDARD[data.spec.task]
    given = class_weights.weights(config.class_weights, data.train.y, data.spec.outputs)
    smoothing = config.label_smoothing
    if given is None and not smoothing:
        return _cross_entropy
    weights = None if given is None else tf.constant(given, kind)

    def loss(logits: Any, labels: Any) -> Any:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        if smoothing:
            spread = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)
            losses = (1 - smoothing) * losses + smoothing * spread
        return tf.reduce_mean(losses if weights is None else losses * tf.gather(weights, labels))

    return loss


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _count_right(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.equal(tf.argmax(logits, axis=1), labels))


def _mean_square(outputs: Any, targets: Any) -> Any:
    return tf.reduce_mean(tf.square(outputs - tf.cast(targets, outputs.dtype)))


def _squares(outputs: Any, targets: Any) -> Any:
    """The sum over the samples of each sample's mean over the outputs."""
    return tf.reduce_sum(tf.reduce_mean(tf.square(outputs - tf.cast(targets, outputs.dtype)), axis=1))


def _binary(logits: Any, targets: Any) -> Any:
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, logits.dtype), logits))


def _share_right(logits: Any, targets: Any) -> Any:
    """The sum over the samples of each sample's share of right labels."""
    right = tf.equal(logits > 0, targets > 0)
    return tf.reduce_sum(tf.reduce_mean(tf.cast(right, logits.dtype), axis=1))


def _of_pixels(logits: Any, masks: Any) -> Any:
    """The mean cross-entropy of the pixels that count, of logits (n, height, width, classes); 0 without any."""
    counts = tf.not_equal(masks, IGNORED)
    # A logit of the first class stands in for those that do not count.
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(counts, masks, 0), logits)
    number = _positive(over_all(tf.math.count_nonzero(counts), tf.shape(masks)[0]))
    return tf.reduce_sum(tf.where(counts, losses, 0)) / tf.cast(number, losses.dtype)


def _count_right_pixels(logits: Any, masks: Any) -> Any:
    counts = tf.not_equal(masks, IGNORED)
    right = tf.equal(tf.argmax(logits, axis=3, output_type=masks.dtype), masks) & counts
    return tf.math.count_nonzero(right)


def pixel_accuracy(right: Any, masks: Any) -> Any:
    """The share of so many right pixels among those of a whole batch that count, times its samples, float64."""
    number = _positive(tf.math.count_nonzero(tf.not_equal(masks, IGNORED)))
    return tf.cast(right, tf.float64) / tf.cast(number, tf.float64) * tf.cast(tf.shape(masks)[0], tf.float64)


def _positive(count: Any) -> Any:
    return tf.where(count > 0, count, tf.ones((), count.dtype))


STANDARD: dict[str, OfBatch] = {
    "classification": _cross_entropy,
    "multilabel": _binary,
    "regression": _mean_square,
    "segmentation": _of_pixels,
}
"""The mean over a batch by which each task is evaluated."""
MARKS: dict[str, OfBatch] = {
    "classification": _count_right,
    "multilabel": _share_right,
    "regression": _squares,
    "segmentation": _count_right_pixels,
}
"""What is told of each training batch beside its loss, a sum over its samples; of masks the number of right pixels,
which `pixel_accuracy` makes such a sum of.
"""
