"""The loss of each task, a mean over the batch, and the metric beside it, a sum over the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dltui.core.train import class_weights

if TYPE_CHECKING:
    from dltui.core.contract import Data
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Task

OfBatch = Callable[[Any, Any], Any]
"""A function from outputs and targets of a batch to a number."""


def loss_for(task: Task) -> OfBatch:
    return _mean_square if task == "regression" else _cross_entropy


def training_loss(config: TrainConfig, data: Data, kind: str) -> OfBatch:
    """The loss of a training batch. With class weights it is sum(weight * loss) / samples, as in Keras: the parts of a
    batch then add up. Smoothing gives each class `label_smoothing / classes` of a target. Raises UsageError.
    """
    if data.spec.task != "classification":
        return loss_for(data.spec.task)
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


def metric_for(task: Task) -> tuple[str, OfBatch]:
    return ("mse", _squares) if task == "regression" else ("accuracy", _count_right)


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _count_right(logits: Any, labels: Any) -> Any:
    return tf.math.count_nonzero(tf.equal(tf.argmax(logits, axis=1), labels))


def _mean_square(outputs: Any, targets: Any) -> Any:
    return tf.reduce_mean(tf.square(outputs - tf.cast(targets, outputs.dtype)))


def _squares(outputs: Any, targets: Any) -> Any:
    """The sum over the samples of each sample's mean over the outputs."""
    return tf.reduce_sum(tf.reduce_mean(tf.square(outputs - tf.cast(targets, outputs.dtype)), axis=1))
