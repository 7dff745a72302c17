"""The loss of each task and the metric beside it, one value a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from dltui.core.contract import Task


@dataclass(frozen=True)
class Measure:
    """`each(outputs, targets)` gives losses (n,) and values (n,) of the metric called `metric`."""

    metric: str
    each: Callable[[Any, Any], tuple[Any, Any]]


def measure_for(task: Task) -> Measure:
    """Cross-entropy and accuracy for classes, the mean square over the outputs for numbers."""
    return Measure("mse", _mean_square) if task == "regression" else Measure("accuracy", _cross_entropy)


def _cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    right = tf.equal(tf.argmax(logits, axis=1), labels)
    return losses, tf.cast(right, losses.dtype)


def _mean_square(outputs: Any, targets: Any) -> tuple[Any, Any]:
    losses = tf.reduce_mean(tf.square(outputs - tf.cast(targets, outputs.dtype)), axis=1)
    return losses, losses
