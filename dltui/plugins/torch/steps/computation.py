"""The computation of a training step: forward, loss, backward and update, the same eagerly and in a graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.core.contract.shares import parts_of
from dltui.core.errors import RunError
from dltui.plugins.torch import losses, precision
from dltui.plugins.torch import module as modules
from dltui.plugins.torch.inputs import fields

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from dltui.core.contract import Spec
    from dltui.core.contract.config import TrainConfig
    from dltui.plugins.torch.averaging import Average
    from dltui.plugins.torch.inputs.fields import Inputs
    from dltui.plugins.torch.ranks.group import Group


@dataclass(frozen=True)
class Losses:
    """The losses of a module: those of training and evaluation, and its own parts, if any."""

    training: losses.Loss
    evaluation: losses.Loss
    own: losses.Loss | None = None
    own_step: Callable[..., Any] | None = None


Forward = Callable[["Inputs", Tensor, losses.Mixed | None], tuple[Tensor, Tensor]]


class Computation:
    """Computes gradients of a batch and updates the module with them. `forward` gives the mean loss and the outputs
    of a batch; a compiled form may take its place."""

    def __init__(
        self,
        module: nn.Module,
        spec: Spec,
        config: TrainConfig,
        device: torch.device,
        dtype: torch.dtype,
        losses_of: Losses,
        optimizer: Optimizer,
        average: Average | None,
        group: Group | None = None,
    ) -> None:
        self.module, self.optimizer, self.average, self.losses = module, optimizer, average, losses_of
        self.step: Callable[[], object] = optimizer.step
        self._spec, self._device, self.dtype, self.group = spec, device, dtype, group
        self.parameters = list(module.parameters())
        self._precision = config.precision
        self.scaler = precision.Scaler(optimizer, device) if config.precision == "fp16" else None
        self._parts, self._clip_norm = config.accumulate, config.clip_norm
        self.marks_of = losses.marks(spec.task, group)
        self.forward: Forward = self._own_forward if losses_of.own_step is not None else self._forward
        self.compiled = False
        """True if `forward` is a compiled form."""

    def arithmetic(self) -> AbstractContextManager[object]:
        """The context of the arithmetic of forward passes; weights stay fp32."""
        return precision.arithmetic(self._precision, self._device)

    def gradients(
        self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None, whole: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Mean loss and outputs of one batch, whose gradients are then in the parameters. In several parts, each counts
        by its share of the samples. Of a share of a `whole` batch the loss is its part of that batch's; the gradients
        are those of the whole."""
        # What zero_grad does, without its profiler's hooks: a step of softmax regression is half a millisecond.
        for parameter in self.parameters:
            parameter.grad = None
        if self._parts == 1 and self.group is None:
            loss, outputs = self.forward(inputs, targets, mixed)
            self._backward(loss)
            return loss.detach(), outputs.detach()
        found = self._in_parts(inputs, targets, mixed, whole or fields.count(inputs))
        if self.group is not None:
            self.group.add_gradients(self.parameters)
        return found

    def _in_parts(
        self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None, whole: int
    ) -> tuple[Tensor, Tensor]:
        """The same part by part, and on one of several ranks: each part counts by its share of the `whole` batch."""
        total, found = torch.zeros((), dtype=self.dtype, device=self._device), []
        group = self.group
        parts = parts_of(whole, self._parts, group.number if group else 0, group.world if group else 1)
        sizes = [part.samples for part in parts]
        others = torch.split(mixed.targets, sizes) if mixed else ()
        samples = zip(parts, fields.pieces(inputs, sizes), torch.split(targets, sizes), strict=True)
        for number, (part, x, y) in enumerate(samples):
            other = losses.Mixed(others[number], mixed.share) if mixed else None
            with group.computing(part) if group else nullcontext():
                loss, outputs = self.forward(x, y, other)
                loss = loss * (part.samples / whole)
                self._backward(loss)
            total += loss.detach()
            found.append(outputs.detach())
        return total, torch.cat(found)

    def _own_forward(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None) -> tuple[Tensor, Tensor]:
        """What the module's own training step gives."""
        step = self.losses.own_step
        assert step is not None
        with self.arithmetic():
            return modules.step_result(step(inputs, targets), fields.count(inputs), self._spec, step)

    def _forward(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None) -> tuple[Tensor, Tensor]:
        outputs = self.outputs(inputs)
        loss = self.mean_loss(self.losses.training, outputs, targets)
        if mixed:
            others = self.mean_loss(self.losses.training, outputs, mixed.targets)
            loss = mixed.share * loss + (1 - mixed.share) * others
        return loss, outputs

    def outputs(self, inputs: Inputs) -> Tensor:
        with self.arithmetic():
            outputs = self.module(inputs)
        return modules.checked(outputs, fields.count(inputs), self._spec, self.module.forward).to(self.dtype)

    def mean_loss(self, of: losses.Loss, outputs: Tensor, targets: Tensor) -> Tensor:
        loss = of(outputs, targets)
        return loss if self.losses.own is None else modules.mean_loss(loss, self.losses.own)

    def _backward(self, loss: Tensor) -> None:
        try:
            (loss if self.scaler is None else self.scaler.scaled(loss)).backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if "second time" in str(error):
                raise RunError("training_step called backward(); dltui does: return the loss alone") from error
            raise

    def update(self) -> None:
        """Change the weights by the gradients."""
        if self.scaler is not None:
            self.scaler.unscale(self.parameters)
        if self._clip_norm:
            nn.utils.clip_grad_norm_(self.parameters, self._clip_norm)
        if self.scaler is None:
            self.step()
        else:
            self.scaler.step()
        if self.average is not None:
            self.average.follow()

    def marks(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The metric of a batch beside its loss, as a tensor of the dtype of the loss."""
        found = self.marks_of.of_step(outputs, targets)
        return self.marks_of.of_all(found[None], targets[None])[0].to(self.dtype)
