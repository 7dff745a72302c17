"""Heat maps of a PyTorch module's answers, by Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from dltui.plugins.heat_maps import Call, heat_map, layer_of
from dltui.plugins.torch.inside.calls import Called, evaluated, recorded

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.torch.trainable import TorchTrainable

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def heat_maps(trainable: TorchTrainable, rows: slice, outputs: Array) -> Array:
    """For rows of the test split, the map of each of the named outputs (n, k): float32 (n, k, height, width). Raises
    RunError for a network without convolutions.
    """
    with evaluated(trainable) as module, torch.enable_grad(), recorded(module) as calls:
        # Whatever is frozen, gradients lead back to the samples; a copy may be changed in place.
        images = trainable.inputs("test", rows)
        assert isinstance(images, torch.Tensor)
        inputs = images.requires_grad_().clone()
        answers = module(inputs)
        explained = calls[layer_of([_call(call) for call in calls])].output
        activations = _last(explained)
        chosen = torch.from_numpy(np.asarray(outputs, np.int64)).to(answers.device)
        found = []
        for column in chosen.unbind(1):
            score = answers.gather(1, column[:, None]).sum()
            (gradients,) = torch.autograd.grad(score, explained, retain_graph=True, allow_unused=True)
            found.append(heat_map(activations, _last(torch.zeros_like(explained) if gradients is None else gradients)))
    return np.stack(found, axis=1)


def _call(call: Called) -> Call:
    height, width = call.output.shape[2:] if call.output.dim() == 4 else (0, 0)
    return Call(isinstance(call.layer, CONVOLUTIONS), (height, width))


def _last(tensor: Tensor) -> Array:
    """Values with the channels last."""
    values: Array = tensor.detach().movedim(1, -1).float().cpu().numpy()
    return values
