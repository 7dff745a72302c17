"""The optimizer of a run: the one that its config names, or the module's own."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.core.train.options import layer_options
from dltui.plugins import overrides
from dltui.plugins.torch.neutral import Weight, weights
from dltui.plugins.torch.optimizers.lion import Lion
from dltui.plugins.torch.optimizers.muon import Muon
from dltui.plugins.torch.optimizers.plain_step import spare_compiler

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array

BETAS = (0.9, 0.999)
EPSILON = 1e-8
SPARSE = (nn.Embedding, nn.EmbeddingBag)

spare_compiler()


def make_optimizer(module: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimizer of all parameters that are trained; weight decay applies to each of them. Layers with their own
    rate in `config.lr_scales` form their own groups.
    """
    groups = _groups(module, config)
    if not groups:
        raise RunError("no parameter of this network can be trained; is requires_grad off for all of them?")
    lr, decay = config.lr, config.weight_decay
    sparse = _is_sparse(module, config)
    fused = not sparse and all(one.is_floating_point() for group in groups for one in group["params"])
    if config.optimizer == "sgd":
        # Nesterov's formula is that of a momentum; without one both are plain gradient descent.
        nesterov = config.nesterov and config.momentum > 0
        sgd = SGD(groups, lr, config.momentum, weight_decay=decay, nesterov=nesterov, fused=fused)
        return _filled(sgd, ("momentum_buffer",) if config.momentum else ())
    if config.optimizer == "rmsprop":
        return _filled(RMSprop(groups, lr, weight_decay=decay), ("square_avg",))
    if config.optimizer == "lion":
        return _filled(Lion(groups, lr, decay), ("exp_avg",))
    if config.optimizer == "muon":
        return _muon(groups, config)
    kind = Adam if config.optimizer == "adam" else AdamW
    return _filled(kind(groups, lr, BETAS, EPSILON, decay, fused=fused), ("exp_avg", "exp_avg_sq"))


def _is_sparse(module: nn.Module, config: TrainConfig, own: bool = False) -> bool:
    """True if a trained embedding has sparse gradients. Raises RunError for options that can do nothing with them; the
    rule of an `own` optimizer is its own.
    """
    layers = ((name, layer) for name, layer in module.named_modules() if isinstance(layer, SPARSE) and layer.sparse)
    name = next((name for name, layer in layers if layer.weight.requires_grad), None)
    if name is None:
        return False
    named = {"clip_norm": config.clip_norm > 0, "precision fp16": config.precision == "fp16"}
    if not own:
        named |= {f"optimizer {config.optimizer}": config.optimizer != "sgd"}
        named |= {"weight_decay": config.weight_decay > 0, "nesterov": config.nesterov and config.momentum > 0}
    wrong = [option for option, is_set in named.items() if is_set]
    if wrong:
        told = f"the embedding {clean_line(name or 'model', 60)} has sparse gradients"
        raise RunError(f"{told}, which {' and '.join(wrong)} cannot use; make it with sparse=False")
    return True


def _factors(known: dict[str, Weight], config: TrainConfig) -> dict[str, float]:
    """The factor on the learning rate of each parameter that is trained at some time of the run."""
    trained = [name for name, weight in known.items() if isinstance(weight.tensor, nn.Parameter)]
    return layer_options.factors(config.lr_scales, "" if config.unfreeze_at else config.freeze, trained)


def _groups(module: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Parameter groups by their learning rate, in the module's order; one where no layer has a rate of its own."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    known = weights(module)
    # A weight that two layers share has two names, of which a pattern may fit one.
    scales = {id(known[name].tensor): factor for name, factor in _factors(known, config).items() if factor != 1}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(scales.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": group, "lr": config.lr * scale} for scale, group in groups.items() if scale]


def _muon(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Matrices and filters in groups of their own. A bias or the scale of a norm has one dimension."""
    split = [
        {**group, "params": [p for p in group["params"] if (p.dim() >= 2) == matrices], "orthogonal": matrices}
        for group in groups
        for matrices in (True, False)
    ]
    muon = Muon([group for group in split if group["params"]], config.lr, config.momentum, config.weight_decay)
    for group in muon.param_groups:
        _fill(muon, group, ("momentum_buffer",) if group["orthogonal"] else ("exp_avg", "exp_avg_sq"))
    return muon


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
    _is_sparse(module, config, own=True)
    return optimizer


class Rates:
    """The learning rate of each group: the plan's, scaled by the group's initial ratio to `lr`."""

    def __init__(self, optimizer: Optimizer, lr: float) -> None:
        self._groups, self._lr = optimizer.param_groups, lr
        self._ratios: list[float] = []
        self._kept: Tensor | None = None

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

    def keep_on(self, device: torch.device) -> Tensor:
        """Keep the rates of all groups in one tensor on the device, for steps that the host does not see."""
        if self._kept is not None:
            return self._kept
        self._ratios = [float(group["lr"]) / self._lr for group in self._groups]
        # The kernels of CUDA read float32.
        kind = torch.float32 if device.type == "cuda" else torch.float64
        rates = torch.zeros(len(self._groups), dtype=kind, device=device)
        for group, rate in zip(self._groups, rates.unbind(), strict=True):
            group["lr"] = rate
            if device.type == "cuda" and "capturable" in group:
                # One parameter after the other, RMSprop would ask for the value of its rate.
                group["capturable"], group["foreach"] = True, not group.get("fused")
        self._kept = rates
        return rates

    def table(self, lr: Array) -> Array:
        """The rates of each group (steps, groups), of a plan's rates (steps,)."""
        table: Array = lr.astype(np.float64)[:, None] * np.array(self._ratios)
        return table


def _filled(optimizer: Optimizer, slots: tuple[str, ...]) -> Optimizer:
    for group in optimizer.param_groups:
        _fill(optimizer, group, slots)
    return optimizer


def _fill(optimizer: Optimizer, group: dict[str, Any], slots: tuple[str, ...]) -> None:
    """Create slots of zeros, as PyTorch does at the first step, so that a state saved before it has the same keys.

    A momentum of zeros times any factor plus the gradient is the gradient: the first step is PyTorch's own.
    """
    for parameter in group["params"]:
        state = optimizer.state[parameter]
        if "exp_avg_sq" in slots or "square_avg" in slots:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        for slot in slots:
            state[slot] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
