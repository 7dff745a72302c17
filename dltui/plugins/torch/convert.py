"""Writes a trained module as ONNX or as a PyTorch program that takes samples as datasets have them."""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dltui.core.tasks.regression.scaling import scales
from dltui.plugins.torch.inputs.portable import Named, names
from dltui.plugins.torch.inputs.portable import samples as portable_samples
from dltui.plugins.torch.samples import channels_first

if TYPE_CHECKING:
    from dltui.core.contract import Spec


class Portable(nn.Module):
    """A module with float32 samples in the dataset's own units and order (n, height, width, channels) as input, and
    outputs in the units of the targets; those of each pixel have the classes last. With named inputs it takes each, in
    their order.
    """

    mean: Tensor
    std: Tensor
    target_mean: Tensor
    target_std: Tensor

    def __init__(self, module: nn.Module, spec: Spec) -> None:
        super().__init__()
        self.module, self.is_image = module, spec.is_image
        self.named = Named(module, spec) if spec.named_inputs else None
        self.register_buffer("mean", torch.tensor(spec.mean))
        self.register_buffer("std", torch.tensor(spec.std))
        known = scales(spec)
        self.scaled = known is not None
        if known is not None:
            mean, std = (torch.tensor(values, dtype=torch.float32) for values in known)
            self.register_buffer("target_mean", mean)
            self.register_buffer("target_std", std)

    def forward(self, *samples: Tensor) -> Tensor:
        outputs: Tensor = self.named(*samples) if self.named is not None else self._outputs(samples[0])
        return outputs * self.target_std + self.target_mean if self.scaled else outputs

    def _outputs(self, samples: Tensor) -> Tensor:
        x = (samples - self.mean) / self.std
        outputs: Tensor = self.module(channels_first(x) if self.is_image else x)
        return outputs.movedim(1, -1) if outputs.dim() > 2 else outputs


def write(module: nn.Module, spec: Spec, form: str, target: Path) -> None:
    portable = Portable(module.to(memory_format=torch.contiguous_format), spec).eval()
    # Two samples: a batch of one would be taken for a constant.
    samples = portable_samples(spec, 2) if spec.named_inputs else (torch.zeros(2, *spec.input_shape),)
    shapes = (tuple({0: torch.export.Dim("n")} for _ in samples),)
    with warnings.catch_warnings(), Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        warnings.simplefilter("ignore")
        if form == "torch":
            torch.export.save(torch.export.export(portable, samples, dynamic_shapes=shapes), target)
            return
        torch.onnx.export(
            portable,
            samples,
            target,
            input_names=names(spec) or ["samples"],
            output_names=["outputs"],
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
        )
