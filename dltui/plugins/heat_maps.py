"""Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391) as far as it needs no framework: in which layer it
looks, and its formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class Call:
    """A call of a layer in a forward pass: its output's height and width, (0, 0) for one that is no image."""

    is_convolution: bool
    size: tuple[int, int]


def layer_of(calls: Sequence[Call]) -> int:
    """The number of the call whose output is explained: the last of the size of the last convolution with more than one
    pixel, which has passed the norm, the activation and the sum around that. Raises RunError without one.
    """
    convolutions = [n for n, call in enumerate(calls) if call.is_convolution and max(call.size) > 1]
    if not convolutions:
        raise RunError("it has no convolutions over images; heat maps are made from the last of them")
    last = convolutions[-1]
    return max(n for n, call in enumerate(calls) if n >= last and call.size == calls[last].size)


def heat_map(activations: Array, gradients: Array) -> Array:
    """What speaks for an output, float32 (n, height, width), of the layer's activations and the output's gradients by
    them, both (n, height, width, channels): a channel counts by the mean of its gradient.
    """
    weights = gradients.astype(np.float64).mean(axis=(1, 2))
    found: Array = np.einsum("nhwc,nc->nhw", activations.astype(np.float64), weights)
    return np.maximum(found, 0).astype(np.float32)
