"""The precision of the arithmetic: TF32, bfloat16 and float16 beside float32, in which weights always stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.core.machine import instructions

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
START = 2.0**16
GROWTH, BACKOFF = 2.0, 0.5
PATIENCE = 2000
"""Steps without an overflow after which the scale grows. All four are those of PyTorch's GradScaler."""


def arithmetic(name: str, device: torch.device) -> AbstractContextManager[object]:
    """The context in which matrix products and convolutions have this precision."""
    return torch.autocast(device.type, HALVES[name]) if name in HALVES else nullcontext()


def use(name: str, device: torch.device) -> None:
    """Let an NVIDIA GPU take TF32 for products of float32 numbers, or keep it from it: for convolutions PyTorch would
    take it unasked.
    """
    if device.type == "cuda":
        # Once their newer names are used, PyTorch refuses to read these, and its compiler reads them.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"


def notes(name: str, device: torch.device) -> Iterator[str]:
    """Lines about a precision that does less on this device than it promises."""
    if name == "bf16" and device.type == "cpu" and not instructions.has_bf16():
        yield instructions.NO_BF16
    if name == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        yield "this GPU has no bf16 arithmetic and emulates it slowly: take --precision fp16"
    if name == "tf32" and device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        yield "this GPU has no TF32 (from Ampere on they have): it computes in fp32"


class Scaler:
    """Scales the loss so that small gradients are not lost in float16, as PyTorch's GradScaler does, with all of its
    state on the device: a step whose gradients overflow changes no weight and halves the scale; 2,000 steps without one
    double it.
    """

    def __init__(self, optimizer: Optimizer, device: torch.device) -> None:
        self._optimizer = optimizer
        self.scale = torch.full((), START, dtype=torch.float32, device=device)
        self.streak = torch.zeros((), dtype=torch.int32, device=device)
        self._overflow = torch.zeros((), dtype=torch.float32, device=device)
        self.waits = not getattr(optimizer, "_step_supports_amp_scaling", False)
        """True if the host decides about each step, because the optimizer's kernels cannot."""

    def tensors(self) -> list[Tensor]:
        """All that changes in a step."""
        return [self.scale, self.streak, self._overflow]

    def scaled(self, loss: Tensor) -> Tensor:
        return loss * self.scale

    @torch.no_grad()
    def unscale(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give the gradients their own size, and look for an overflow."""
        self._overflow.zero_()
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, self._overflow, self.scale.reciprocal())

    def step(self) -> None:
        """Update the weights, unless a gradient overflowed, and the scale."""
        if not self.waits:
            # Its kernels read this, and leave everything as it is.
            self._optimizer.grad_scale, self._optimizer.found_inf = None, self._overflow  # type: ignore[attr-defined]
            self._optimizer.step()
        elif not float(self._overflow):
            self._optimizer.step()
        torch._amp_update_scale_(self.scale, self.streak, self._overflow, GROWTH, BACKOFF, PATIENCE)
