"""PyTorch's optimizers with a state that is complete before the first step; or the module's own optimizer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from dltui.core.errors import RunError
from dltui.plugins import overrides

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def make_optimizer(module: nn.Module, config: TrainConfig) -> Optimizer:
    """SGD with momentum or AdamW over all parameters, with weight decay on all of them."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise RunError("no parameter of this network can be trained; is requires_grad off for all of them?")
    fused = all(parameter.is_floating_point() for parameter in parameters)
    if config.optimizer == "sgd":
        sgd = SGD(parameters, config.lr, config.momentum, weight_decay=config.weight_decay, fused=fused)
        if config.momentum:
            _fill(sgd, ("momentum_buffer",))
        return sgd
    adamw = AdamW(parameters, config.lr, BETAS, EPSILON, config.weight_decay, fused=fused)
    _fill(adamw, ("exp_avg", "exp_avg_sq"))
    return adamw


def own_optimizer(module: nn.Module, config: TrainConfig) -> Optimizer | None:
    """The optimizer that a module's `configure_optimizer(config)` returns; None without that method. Raises RunError
    for a return value that is no usable optimizer.
    """
    configure = overrides.find(module, "configure_optimizer")
    if configure is None:
        return None
    optimizer = configure(config)
    where = overrides.place(configure)
    if not isinstance(optimizer, Optimizer):
        given = overrides.kind(optimizer)
        raise RunError(f"configure_optimizer returned {given}; return one torch.optim.Optimizer{where}")
    needed = [p for p in inspect.signature(optimizer.step).parameters.values() if p.default is p.empty]
    if any(parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in needed):
        name = type(optimizer).__name__
        raise RunError(f"{name} needs a closure in each step, which dltui does not give; choose another{where}")
    known = {id(parameter) for parameter in module.parameters()}
    if any(id(parameter) not in known for group in optimizer.param_groups for parameter in group["params"]):
        raise RunError(f"the optimizer trains parameters that are not the network's; make them its attributes{where}")
    return optimizer


class Rates:
    """The learning rate of each group: the plan's, scaled by the group's initial ratio to `lr`."""

    def __init__(self, optimizer: Optimizer, lr: float) -> None:
        self._groups, self._lr = optimizer.param_groups, lr
        self._ratios: list[float] = []

    def set(self, lr: float) -> None:
        for number, group in enumerate(self._groups):
            if number == len(self._ratios):
                self._ratios.append(float(group["lr"]) / self._lr)
            # Without a branch for ratios of 1: a number times one is the number.
            rate = lr * self._ratios[number]
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


def _fill(optimizer: Optimizer, slots: tuple[str, ...]) -> None:
    """Create slots of zeros, as PyTorch does at the first step, so that a state saved before it has the same keys.

    A momentum of zeros times any factor plus the gradient is the gradient: the first step is PyTorch's own.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if isinstance(optimizer, AdamW):
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            for slot in slots:
                state[slot] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
