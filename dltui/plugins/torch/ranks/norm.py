"""Batch norm over the whole batch: statistics of all ranks, forward and backward.

`torch.nn.SyncBatchNorm` refuses the CPU, and its variance, made of sums of squares, differs from that of one device in
the fourth digit. Here the mean is added up first and then the squared distances from it, as one device does.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from dltui.plugins.torch.ranks.group import Group

_ONE_DEVICE = functional.batch_norm


def install(group: Group) -> None:
    """Let every batch norm of this process use the statistics of all ranks during steps: PyTorch's own layers and those
    of libraries all call this function.
    """

    def batch_norm(
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not (training and group.in_step):
            return _ONE_DEVICE(input, running_mean, running_var, weight, bias, training, momentum, eps)
        output, mean, variance, count = _Norm.apply(input, weight, bias, eps, group)
        with torch.no_grad():
            if running_mean is not None:
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            if running_var is not None:
                unbiased = variance * (count / (count - 1).clamp(min=1))
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        return output  # type: ignore[no-any-return]

    functional.batch_norm = batch_norm


def adopt(module: nn.Module) -> None:
    """Let layers that synchronize themselves leave that to `install`."""
    for layer in module.modules():
        if isinstance(layer, nn.SyncBatchNorm):
            layer.forward = MethodType(nn.BatchNorm2d.forward, layer)  # type: ignore[method-assign]


class _Norm(Function):
    """(x - mean) / sqrt(variance + eps) * weight + bias over all ranks; the statistics come with it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, group: Group) -> Any:
        dims, shape = _axes(x)
        wide = _wide(x)
        sums = torch.cat([wide.sum(dims), wide.new_full((1,), x.numel() / x.shape[1])])
        group.sum_(sums)
        count = sums[-1]
        mean = sums[:-1] / count
        variance = group.sum_((wide - mean.view(shape)).square_().sum(dims)) / count
        output = _ONE_DEVICE(x, mean, variance, weight, bias, False, 0.0, eps)
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps, ctx.group, ctx.has_bias = eps, group, bias is not None
        ctx.mark_non_differentiable(mean, variance, count)
        return output, mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *others: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = ctx.saved_tensors
        dims, shape = _axes(x)
        gradient = _wide(gradient)
        centered = _wide(x) - mean.view(shape)
        scale = torch.rsqrt(variance + ctx.eps)
        sums = torch.cat([gradient.sum(dims), (gradient * centered).sum(dims)])
        of_bias, of_weight = sums.chunk(2)
        of_weight = of_weight * scale
        all_sums = ctx.group.sum_(sums.clone()) / count
        means, products = all_sums.chunk(2)
        factor = scale if weight is None else scale * weight
        inputs = centered.mul_((-products * scale.square()).view(shape)).add_(gradient).sub_(means.view(shape))
        inputs = inputs.mul_(factor.view(shape)).to(x.dtype)
        return inputs, None if weight is None else of_weight, of_bias if ctx.has_bias else None, None, None


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _axes(x: Tensor) -> tuple[list[int], list[int]]:
    """The axes of (n, channels, ...) that statistics run over, and the shape of those in a product with x."""
    return [0, *range(2, x.dim())], [1, -1, *(1 for _ in range(2, x.dim()))]
