"""Optimizers as PyTorch ships them, with a state that is complete before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

SLOTS = {"momentum_buffer": "momentum"}
"""Slot names that differ from PyTorch's own in the neutral state."""
BETAS = (0.9, 0.999)
EPSILON = 1e-8


def make_optimizer(module: nn.Module, config: TrainConfig) -> Optimizer:
    """SGD with momentum or AdamW over all parameters; weight decay pulls on each of them.

    A module may bring its own: a method `configure_optimizer(config)`. The learning rate is set before each step.
    """
    own = getattr(module, "configure_optimizer", None)
    if own is not None:
        optimizer: Optimizer = own(config)
        return optimizer
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    fused = all(parameter.is_floating_point() for parameter in parameters)
    if config.optimizer == "sgd":
        sgd = SGD(parameters, config.lr, config.momentum, weight_decay=config.weight_decay, fused=fused)
        if config.momentum:
            _fill(sgd, ("momentum_buffer",))
        return sgd
    adamw = AdamW(parameters, config.lr, BETAS, EPSILON, config.weight_decay, fused=fused)
    _fill(adamw, ("exp_avg", "exp_avg_sq"))
    return adamw


def _fill(optimizer: Optimizer, slots: tuple[str, ...]) -> None:
    """Slots of zeros: what PyTorch makes at the first step, so that a state saved before it has the same keys.

    A momentum of zeros times any factor plus the gradient is the gradient: the first step is PyTorch's own.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if isinstance(optimizer, AdamW):
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            for slot in slots:
                state[slot] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
