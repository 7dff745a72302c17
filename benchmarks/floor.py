"""The least that a training step must do: arithmetic, bytes and kernels; and how fast a device does it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

SECONDS = 0.15
"""Time for each of the three measurements of a device."""


@dataclass(frozen=True)
class Work:
    """A step's floating-point operations of matrix products and convolutions, the bytes that it must move if all that
    can be is fused (weights, gradients and optimizer state once each way, values kept for the backward pass written
    and read once), and its operators that compute: each is at least one kernel when nothing is fused.
    """

    flops: int
    bytes: int
    launches: int


@dataclass(frozen=True)
class Rates:
    """A device's measured speed: of one large matrix product in FLOP/s, of one large copy in bytes/s (read and write
    both count), and seconds of one operator on one number.
    """

    flops: float
    bytes: float
    launch: float

    def floor(self, work: Work) -> float:
        """Seconds that no implementation can beat at these rates; launches are not part of it."""
        return max(work.flops / self.flops, work.bytes / self.bytes)


class _Operators(TorchDispatchMode):
    """Counts operators, except those that only look at memory in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        views = any(value.alias_info and not value.alias_info.is_write for value in func._schema.returns)
        self.count += not views
        return func(*args, **(kwargs or {}))


def count(step: Callable[[], object], module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Work:
    """The work of `step`, which is run once."""
    kept: dict[int, int] = {}
    weights = {parameter.data_ptr() for parameter in module.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    operators = _Operators()
    with ExitStack() as stack:
        flops = stack.enter_context(FlopCounterMode(display=False))
        stack.enter_context(operators)
        stack.enter_context(saved_tensors_hooks(keep, lambda tensor: tensor))
        step()
    parameters = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    slots = sum(
        value.numel() * value.element_size()
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
    # Weights: read forward, backward and in the update, and written; gradients and optimizer state written and read.
    moved = 4 * parameters + 2 * parameters + 2 * slots + 2 * sum(kept.values())
    return Work(flops.get_total_flops(), moved, operators.count)


def measure_rates(device: torch.device, dtype: torch.dtype) -> Rates:
    large = device.type == "cuda"
    side = 4096 if large else 768
    matrix = torch.randn(side, side, device=device).to(dtype)
    numbers = torch.zeros(1 << (26 if large else 22), device=device)
    target = torch.empty_like(numbers)
    one = torch.zeros(1, device=device)
    product = _fastest(lambda: matrix @ matrix, device, 1)
    copy = _fastest(lambda: target.copy_(numbers), device, 1)
    launch = _fastest(lambda: one.add_(1), device, 200)
    return Rates(2 * side**3 / product, 2 * numbers.numel() * numbers.element_size() / copy, launch)


def _fastest(work: Callable[[], object], device: torch.device, times: int) -> float:
    """The least seconds of one call, of several tries of `times` calls."""
    best, began = float("inf"), time.perf_counter()
    work()
    while time.perf_counter() - began < SECONDS or best == float("inf"):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(times):
            work()
        synchronize(device)
        best = min(best, (time.perf_counter() - start) / times)
    return best


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
