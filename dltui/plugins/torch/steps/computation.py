"""The computation of a training step: forward, loss, backward and update, the same eagerly and in a graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from dltui.core.contract.shares import parts_of
from dltui.core.errors import RunError
from dltui.plugins import overrides
from dltui.plugins.named_losses import TOTAL, Names
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


class Found(NamedTuple):
    """The mean loss and the outputs of a batch, and the means of the other losses that have a name."""

    loss: Tensor
    outputs: Tensor
    named: tuple[Tensor, ...] = ()


Forward = Callable[["Inputs", Tensor, losses.Mixed | None], Found]


class Computation:
    """Computes gradients of a batch and updates the module with them. `forward` gives the losses and the outputs
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
        self._plain: Forward = self._own_forward if losses_of.own_step is not None else self._forward
        self.forward: Forward = self._plain
        self.names, self._evaluated_names = Names(), Names()
        self.compiled = False
        """True if `forward` is a compiled form."""

    def use(self, compiled: Forward | None) -> None:
        """Compute losses and outputs by a compiled form, or with None by the plain one again."""
        self.forward, self.compiled = compiled or self._plain, compiled is not None

    def arithmetic(self) -> AbstractContextManager[object]:
        """The context of the arithmetic of forward passes; weights stay fp32."""
        return precision.arithmetic(self._precision, self._device)

    def gradients(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None, whole: int = 0) -> Found:
        """Losses and outputs of one batch, whose gradients are then in the parameters. In several parts, each counts
        by its share of the samples. Of a share of a `whole` batch the loss is its part of that batch's; the gradients
        are those of the whole."""
        # What zero_grad does, without its profiler's hooks: a step of softmax regression is half a millisecond.
        for parameter in self.parameters:
            parameter.grad = None
        if self._parts == 1 and self.group is None:
            found = self.forward(inputs, targets, mixed)
            self._backward(found.loss)
            return Found(found.loss.detach(), found.outputs.detach(), self._told(found.named))
        found = self._in_parts(inputs, targets, mixed, whole or fields.count(inputs))
        if self.group is not None:
            self.group.add_gradients(self.parameters)
        return found

    def _told(self, named: tuple[Tensor, ...], share: float = 1.0) -> tuple[Tensor, ...]:
        return tuple(value.detach().to(self.dtype) * share for value in named)

    def _in_parts(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None, whole: int) -> Found:
        """The same part by part, and on one of several ranks: each part counts by its share of the `whole` batch."""
        total, found = torch.zeros((), dtype=self.dtype, device=self._device), []
        named: list[tuple[Tensor, ...]] = []
        group = self.group
        parts = parts_of(whole, self._parts, group.number if group else 0, group.world if group else 1)
        sizes = [part.samples for part in parts]
        others = torch.split(mixed.targets, sizes) if mixed else ()
        samples = zip(parts, fields.pieces(inputs, sizes), torch.split(targets, sizes), strict=True)
        for number, (part, x, y) in enumerate(samples):
            other = losses.Mixed(others[number], mixed.share) if mixed else None
            with group.computing(part) if group else nullcontext():
                of_part = self.forward(x, y, other)
                loss = of_part.loss * (part.samples / whole)
                self._backward(loss)
            total += loss.detach()
            found.append(of_part.outputs.detach())
            named.append(self._told(of_part.named, part.samples / whole))
        return Found(total, torch.cat(found), tuple(torch.stack(values).sum(0) for values in zip(*named, strict=True)))

    def _own_forward(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None) -> Found:
        """What the module's own training step gives; what it leaves in half precision is told in that of weights."""
        step = self.losses.own_step
        assert step is not None
        with self.arithmetic():
            given, outputs = modules.step_result(step(inputs, targets), fields.count(inputs), self._spec, step)
        return Found(given[TOTAL].to(self.dtype), outputs.to(self.dtype), self.names.others(given, step))

    def _forward(self, inputs: Inputs, targets: Tensor, mixed: losses.Mixed | None) -> Found:
        outputs = self.outputs(inputs)
        given = self._mean_losses(self.losses.training, outputs, targets)
        if mixed:
            others = self._mean_losses(self.losses.training, outputs, mixed.targets)
            given = {name: mixed.share * loss + (1 - mixed.share) * others[name] for name, loss in given.items()}
        return Found(given[TOTAL].to(self.dtype), outputs, self.names.others(given, self.losses.own))

    def outputs(self, inputs: Inputs) -> Tensor:
        with self.arithmetic():
            outputs = self.module(inputs)
        return modules.checked(outputs, fields.count(inputs), self._spec, self.module.forward).to(self.dtype)

    def _mean_losses(self, of: losses.Loss, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        loss = of(outputs, targets)
        return {TOTAL: loss} if self.losses.own is None else modules.mean_losses(loss, self._spec, self.losses.own)

    def evaluated(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The losses of an evaluation by name, the total first."""
        found = self._mean_losses(self.losses.evaluation, outputs, targets)
        self._evaluated_names.others(found, self.losses.own)
        return found

    def _backward(self, loss: Tensor) -> None:
        try:
            (loss if self.scaler is None else self.scaler.scaled(loss)).backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if "second time" in str(error):
                raise RunError("training_step called backward(); dltui does: return the loss alone") from error
            if "modified by an inplace operation" in str(error):
                raise RunError(self._changed_in_place()) from error
            if "does not require grad" in str(error) and any(one.requires_grad for one in self.parameters):
                raise RunError(self._cut_off()) from error
            raise

    def _cut_off(self) -> str:
        what = "forward's output" + ("" if self.losses.own is None else ", or training_loss,")
        where = overrides.place(self.module.forward)
        return f"{what} is cut off from the weights (detach, numpy, argmax, no_grad){where}"

    def _changed_in_place(self) -> str:
        step = self.losses.own_step
        if step is None:
            where = overrides.place(self.module.forward)
            return f"the network changes in place what the backward pass needs; write x = x + y, not x += y{where}"
        advice = "move copies, by torch.func.functional_call, or change nothing in place"
        return (
            f"training_step changes in place what the backward pass of its loss needs; {advice}{overrides.place(step)}"
        )

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
