"""Lion: the sign of a momentum is the step. Chen et al. 2023, https://arxiv.org/abs/2302.06675."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import Optimizer

BETAS = (0.9, 0.99)


class Lion(Optimizer):
    """weight -= lr * (sign(b1 * m + (1 - b1) * gradient) + weight_decay * weight), then m = b2 * m + (1 - b2) *
    gradient; `m` is kept as `exp_avg`."""

    def __init__(self, params: Iterable[Any], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            means = [self.state[weight]["exp_avg"] for weight in weights]
            directions = torch._foreach_mul(means, BETAS[0])
            torch._foreach_add_(directions, gradients, alpha=1 - BETAS[0])
            torch._foreach_sign_(directions)
            if group["weight_decay"]:
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            if isinstance(group["lr"], torch.Tensor):
                # As alpha its value would have to come to the host.
                torch._foreach_mul_(directions, group["lr"])
                torch._foreach_sub_(weights, directions)
            else:
                torch._foreach_add_(weights, directions, alpha=-group["lr"])
            torch._foreach_mul_(means, BETAS[1])
            torch._foreach_add_(means, gradients, alpha=1 - BETAS[1])
