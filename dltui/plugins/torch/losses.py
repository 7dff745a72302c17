"""The loss of a training batch: that of the task or the module's own, with class weights, smoothing and mixing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dltui.core.train import class_weights

if TYPE_CHECKING:
    from dltui.core.contract import Data
    from dltui.core.contract.config import TrainConfig

Loss = Callable[[Tensor, Tensor], Tensor]


class Mixed(NamedTuple):
    """The other targets of a batch whose samples are mixed, and the share of the first ones."""

    targets: Tensor
    share: float | Tensor


def standard(task: str) -> Loss:
    """The mean over a batch by which a task is evaluated: cross-entropy of logits, or mean squared error."""
    return functional.cross_entropy if task == "classification" else functional.mse_loss


def training_loss(config: TrainConfig, data: Data, device: torch.device, dtype: torch.dtype) -> Loss:
    """The loss of a training batch. With class weights it is sum(weight * loss) / samples, as in Keras: the parts of a
    batch then add up. Smoothing gives each class `label_smoothing / classes` of a target. Raises UsageError.
    """
    if data.spec.task != "classification":
        return standard(data.spec.task)
    given = class_weights.weights(config.class_weights, data.train.y, data.spec.outputs)
    smoothing = config.label_smoothing
    if given is None:
        return partial(functional.cross_entropy, label_smoothing=smoothing) if smoothing else functional.cross_entropy
    weights = torch.as_tensor(given, dtype=dtype, device=device)

    def weighted(outputs: Tensor, y: Tensor) -> Tensor:
        losses = functional.cross_entropy(outputs, y, reduction="none", label_smoothing=smoothing)
        return (losses * weights[y]).mean()

    return weighted
