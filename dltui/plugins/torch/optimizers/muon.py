"""Muon: a momentum whose singular values are made equal is the step. Jordan 2024, https://kellerjordan.github.io/posts/muon.

Matrices and convolution filters (as matrices of one row a filter) get it; the others get AdamW. Each step is scaled to
the usual size of AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that one learning rate fits both.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

BETAS = (0.9, 0.999)
EPSILON = 1e-8
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SIZE = 0.2
"""Root mean square of a step of AdamW with learning rate 1."""


class Muon(Optimizer):
    """Groups with `orthogonal` True get Muon with Nesterov's momentum, the others AdamW."""

    def __init__(self, params: Iterable[Any], lr: float, momentum: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "orthogonal": True})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            move = self._move_orthogonal if group["orthogonal"] else self._move_adaptive
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                if group["weight_decay"]:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                move(weight, weight.grad, self.state[weight], group)

    def _move_orthogonal(
        self, weight: Tensor, gradient: Tensor, slots: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        momentum, buffer = group["momentum"], slots["momentum_buffer"]
        buffer.mul_(momentum).add_(gradient, alpha=1 - momentum)
        ahead = gradient * (1 - momentum) + buffer * momentum
        matrix = ahead.flatten(1)
        step = orthogonal(matrix).view_as(ahead)
        rate = group["lr"] * SIZE * sqrt(max(matrix.shape))
        if isinstance(rate, Tensor):
            # As alpha its value would have to come to the host.
            weight.sub_(step * rate)
        else:
            weight.add_(step, alpha=-rate)

    def _move_adaptive(self, weight: Tensor, gradient: Tensor, slots: dict[str, Tensor], group: dict[str, Any]) -> None:
        mean, square, step = slots["exp_avg"], slots["exp_avg_sq"], slots["step"]
        step += 1
        mean.lerp_(gradient, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        # In fp32, 1 - 0.999 would be wrong in its fifth digit. Apple's GPUs have nothing better.
        exact = step if step.device.type == "mps" else step.double()
        first, second = ((1 - beta**exact).to(weight.dtype) for beta in BETAS)
        weight.sub_(group["lr"] / first * mean / ((square / second).sqrt() + EPSILON))


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix with equal singular values: five steps of Newton and Schulz's iteration, in fp32."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x if wide else x.T
    return result
