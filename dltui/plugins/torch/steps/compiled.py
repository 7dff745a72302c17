"""The compiled form of a forward pass and its loss, and the estimate whether it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dltui.core.numbers import duration
from dltui.plugins.named_losses import TOTAL
from dltui.plugins.torch.losses import Mixed
from dltui.plugins.torch.steps.computation import Found

if TYPE_CHECKING:
    from dltui.plugins.torch.inputs.fields import Inputs
    from dltui.plugins.torch.steps.computation import Computation, Forward

SECONDS = 40.0
"""The usual time of a compilation; twenty seconds for a small network, a minute and more for a deep one."""
SAVED = 0.4
"""The part of a step that is usually saved, of one that is captured."""
BETTER = 0.97
"""The part of a step's time at most that a compiled one must take to be worth its other roundings."""


def forward(computation: Computation) -> Forward:
    """The compiled form of `computation.forward` for batches of one size. It is compiled when it is first called, and
    gives no remarks on a module's outputs, and only those losses a name that the other form has told: call that before.
    """

    def losses(outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        given = computation.losses.training(outputs, targets)
        if isinstance(given, Tensor):
            return (given,)
        return (given[TOTAL], *(given[name] for name in names))

    def compute(inputs: Inputs, targets: Tensor, others: Tensor | None, share: Tensor | None) -> Found:
        with computation.arithmetic():
            outputs = computation.module(inputs)
        outputs = outputs.to(computation.dtype)
        found = losses(outputs, targets)
        if others is not None and share is not None:
            mixed = zip(found, losses(outputs, others), strict=True)
            found = tuple(share * one + (1 - share) * other for one, other in mixed)
        return Found(found[0].to(computation.dtype), outputs, found[1:])

    names = tuple(computation.names)
    _tell_determinism()
    # Not mode="reduce-overhead", whose own graphs do not go with ours.
    quick = torch.compile(compute, dynamic=False)

    def called(inputs: Inputs, targets: Tensor, mixed: Mixed | None) -> Found:
        if mixed is None:
            return quick(inputs, targets, None, None)
        share = mixed.share
        if not isinstance(share, Tensor):
            # A number would be compiled in.
            share = torch.tensor(share, dtype=computation.dtype, device=targets.device)
        return quick(inputs, targets, mixed.targets, share)

    return called


def _tell_determinism() -> None:
    """Keep the compiler from choosing kernels by measured times where a run has to repeat: what `session` does to ask
    for that does not import it.
    """
    from torch._inductor import config

    if hasattr(config, "deterministic"):
        config.deterministic = torch.are_deterministic_algorithms_enabled()


def pays(step_seconds: float, steps: int) -> bool:
    """True if a run of so many steps probably saves more than compiling costs."""
    return SAVED * step_seconds * steps > SECONDS


def too_short(step_seconds: float, steps: int) -> str:
    """The reason why a run is not compiled that does not pay."""
    saved = duration(SAVED * step_seconds * steps)
    return f"not compiled: about {saved} would be saved, compiling takes about {duration(SECONDS)}"
