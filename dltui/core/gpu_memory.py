"""A plain estimate of the memory that training takes on a GPU, from a network's structure and what is chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

FRAMEWORK_BYTES = 500_000_000
"""What CUDA and the libraries of a framework keep for themselves, roughly."""
SLOTS = {"sgd": 1, "adamw": 2}
"""Values that an optimizer keeps for each parameter."""
FLOAT32, BFLOAT16 = 4, 2


def activations(layers: Iterable[Mapping[str, Any]]) -> int:
    """Values that the layers of a structure put out for one sample."""
    shapes = [layer["output"] for layer in layers if layer.get("output")]
    return sum(math.prod(int(size) for size in shape) for shape in shapes)


def estimate(parameters: int, outputs: int, batch: int, config: Mapping[str, Any]) -> int:
    """Bytes: weights, gradients and optimizer in fp32; each output and its gradient, kept for the whole batch, in the
    precision of `config`; and what the framework keeps."""
    size = BFLOAT16 if config.get("precision") == "bf16" else FLOAT32
    slots = SLOTS.get(str(config.get("optimizer")), max(SLOTS.values()))
    return parameters * FLOAT32 * (2 + slots) + 2 * batch * outputs * size + FRAMEWORK_BYTES
