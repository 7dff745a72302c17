"""What a PyTorch module makes of samples before its last layer decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from dltui.plugins.torch.inside.calls import evaluated, recorded

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.torch.trainable import TorchTrainable

HEADS = (nn.Linear, nn.Conv2d)


def embeddings(trainable: TorchTrainable, rows: slice) -> Array:
    """What the last dense layer, or convolution, is given for rows of the test split: float32 (n, features); images are
    averaged over their pixels. A network without such a layer gives its outputs.
    """
    with evaluated(trainable) as module, torch.no_grad(), recorded(module) as calls:
        outputs = module(trainable.inputs("test", rows))
        given = next((call.given for call in reversed(calls) if isinstance(call.layer, HEADS)), outputs)
        found = given.flatten(2).mean(2) if given.dim() == 4 else given.reshape(len(outputs), -1)
    values: Array = found.float().cpu().numpy()
    return values
