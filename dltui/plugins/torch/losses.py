"""The loss of a training batch: that of the task or the module's own, with class weights, smoothing and mixing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.options import class_weights
from dltui.plugins.torch.ranks.group import sums_of

if TYPE_CHECKING:
    from dltui.core.contract import Data
    from dltui.core.contract.config import TrainConfig
    from dltui.plugins.torch.ranks.group import Group

Loss = Callable[[Tensor, Tensor], Tensor]
Count = Callable[[Tensor], Tensor]


class Mixed(NamedTuple):
    """The other targets of a batch whose samples are mixed, and the share of the first ones."""

    targets: Tensor
    share: float | Tensor


class Marks(NamedTuple):
    """What is told of each training batch beside its loss: a sum over its samples, or with `is_mean` a mean. `of_step`
    is all that is done at a step, from its outputs and targets; `of_all` makes the numbers of several steps from what
    that gave, and their targets.
    """

    of_step: Loss
    of_all: Loss
    is_mean: bool


def _predicted(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.argmax(1)


def _count_right(predicted: Tensor, targets: Tensor) -> Tensor:
    return predicted.eq(targets).sum(1)


def _as_they_are(marks: Tensor, targets: Tensor) -> Tensor:
    return marks


def _binary(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs, targets)


def _share_right(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.gt(0).eq(targets.gt(0)).float().mean()


def _here(count: Tensor) -> Tensor:
    return count


def _of_pixels(outputs: Tensor, masks: Tensor, over_all: Count = _here) -> Tensor:
    """The mean cross-entropy of the pixels that count, of logits (n, classes, height, width); 0 without any. How many
    count on all ranks tells `over_all`."""
    # As rows: PyTorch's loss of images is not deterministic on a GPU.
    rows, targets = outputs.movedim(1, -1).flatten(0, 2), masks.flatten()
    losses = functional.cross_entropy(rows, targets, ignore_index=IGNORED, reduction="sum")
    return losses / _positive(over_all(targets.ne(IGNORED).sum()), losses)


def _share_of_pixels(outputs: Tensor, masks: Tensor, over_all: Count = _here) -> Tensor:
    counts = masks.ne(IGNORED)
    right = (outputs.argmax(1).eq(masks) & counts).sum().to(outputs.dtype)
    return right / _positive(over_all(counts.sum()), right)


def _positive(count: Tensor, like: Tensor) -> Tensor:
    """A count as a number of the type of `like`, 1 instead of 0."""
    return torch.where(count > 0, count, 1).to(like.dtype)


STANDARD: dict[str, Loss] = {
    "classification": functional.cross_entropy,
    "multilabel": _binary,
    "regression": functional.mse_loss,
    "segmentation": _of_pixels,
}
"""The mean over a batch by which each task is evaluated."""
MARKS = {
    "classification": Marks(_predicted, _count_right, False),
    "multilabel": Marks(_share_right, _as_they_are, True),
    "regression": Marks(functional.mse_loss, _as_they_are, True),
    "segmentation": Marks(_share_of_pixels, _as_they_are, True),
}


def marks(task: str, group: Group | None = None) -> Marks:
    """What is told of each training batch of a task, or of the share of one of several ranks."""
    if group is None or task != "segmentation":
        return MARKS[task]
    return Marks(partial(_share_of_pixels, over_all=sums_of(group)), _as_they_are, True)


def training_loss(
    config: TrainConfig, data: Data, device: torch.device, dtype: torch.dtype, group: Group | None = None
) -> Loss:
    """The loss of a training batch. With class weights it is sum(weight * loss) / samples, as in Keras: the parts of a
    batch then add up. Smoothing gives each class `label_smoothing / classes` of a target. Raises UsageError.
    """
    if data.spec.task == "segmentation" and group is not None:
        return partial(_of_pixels, over_all=sums_of(group))
    if "class_weights" not in TASKS[data.spec.task].options:
        return STANDARD[data.spec.task]
    given = class_weights.weights(config.class_weights, data.train.y, data.spec.outputs)
    smoothing = config.label_smoothing
    if given is None:
        return partial(functional.cross_entropy, label_smoothing=smoothing) if smoothing else functional.cross_entropy
    weights = torch.as_tensor(given, dtype=dtype, device=device)

    def weighted(outputs: Tensor, y: Tensor) -> Tensor:
        losses = functional.cross_entropy(outputs, y, reduction="none", label_smoothing=smoothing)
        return (losses * weights[y]).mean()

    return weighted
