"""Uses PyTorch's optimizers without its compiler, whose import takes as long as all the rest of a start.

PyTorch 2 imports torch._dynamo when an optimizer is made and at its first step, although nothing is compiled
(torch/_compile.py, torch/optim/optimizer.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch.optim import Optimizer

_METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def spare_compiler() -> None:
    """Let optimizers be made and saved without the compiler. It would only be told to leave these methods alone."""
    for name in _METHODS:
        plain = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            plain.__dynamo_disable = plain


def plain_step(optimizer: Optimizer) -> Callable[[], None]:
    """The step of an optimizer of PyTorch's or of ours, without the hooks around it, which nobody has set."""
    update = inspect.unwrap(type(optimizer).step)

    def step() -> None:
        with torch.no_grad():
            update(optimizer)

    return step
