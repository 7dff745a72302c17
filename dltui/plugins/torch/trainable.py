"""Adapts a PyTorch module to the training loop: eager steps on data that lie on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.core.errors import RunError
from dltui.plugins import generators, overrides
from dltui.plugins.torch import losses
from dltui.plugins.torch import module as modules
from dltui.plugins.torch.augment import Augmentation
from dltui.plugins.torch.averaging import Average
from dltui.plugins.torch.layers import list_layers
from dltui.plugins.torch.optimizers.make import Rates, freeze, make_optimizer, own_optimizer
from dltui.plugins.torch.optimizers.plain_step import plain_step
from dltui.plugins.torch.samples import Samples
from dltui.plugins.torch.slots import OwnState
from dltui.plugins.torch.snapshot import Snapshots

if TYPE_CHECKING:
    from dltui.core.contract import Data, Spec
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, SplitName, State


class TorchTrainable:
    """Trains on `device`. The module gets normalized samples, images as (n, channels, height, width).

    A module may bring its own `training_loss(outputs, targets)`, the mean over a batch, its own
    `configure_optimizer(config)`, or a `training_step(inputs, targets)` that returns (mean loss, outputs). Steps queue
    up on the device: the host waits once an `advance`, at its end.
    """

    def __init__(
        self,
        build: Callable[[Any, Spec], nn.Module],
        config: TrainConfig,
        data: Data,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._spec = data.spec
        self._samples = Samples(data, device, dtype)
        self.module = modules.place(modules.build(build, config, data.spec), device, dtype)
        self._samples.channels_last = modules.choose_layout(self.module, data.spec)
        self._frozen = freeze(self.module, config)
        self._train_mode()
        own = own_optimizer(self.module, config)
        self._optimizer = own or make_optimizer(self.module, config)
        self._step = own.step if own else plain_step(self._optimizer)
        self._rates = Rates(self._optimizer, config.lr)
        self._own_state = OwnState(self.module, own) if own else None
        self._average = Average(self.module, config.ema) if config.ema else None
        self._snapshots = Snapshots(self.module, self._optimizer, device, self._own_state, self._average)
        self._parameters = list(self.module.parameters())
        self._classifies = data.spec.task == "classification"
        self._own_step = overrides.find(self.module, "training_step")
        self._own_loss = overrides.find(self.module, "training_loss")
        overrides.check_options(config, self._own_step, self._own_loss, own)
        self._loss: losses.Loss = self._own_loss or losses.standard(data.spec.task)
        self._training_loss = self._own_loss or losses.training_loss(config, data, device, dtype)
        self.notes = tuple(generators.unsaved(self.module.modules(), (torch.Generator,)))
        self._indices = torch.zeros(0, 0, dtype=torch.int32)
        self._augmentation: Augmentation | None = None
        self._lr: list[float] = []
        self._next = 0
        self._device, self._dtype = device, dtype
        self._autocast = config.precision == "bf16"
        self._parts, self._clip_norm = config.accumulate, config.clip_norm

    @property
    def own_loss(self) -> bool:
        """True if the module has its own loss, used in training and evaluation."""
        return self._own_loss is not None

    def begin_epoch(self, plan: EpochPlan) -> None:
        self._indices = torch.from_numpy(plan.indices).to(self._device)
        self._augmentation = Augmentation.of(plan, self._device)
        self._samples.begin(plan.indices)
        self._lr = plan.lr.tolist()
        self._next = 0

    def advance(self, steps: int) -> StepStats:
        first, chunk = self._next, slice(self._next, self._next + steps)
        self._next += steps
        indices, lr = self._indices[chunk], self._lr[chunk]
        targets = self._samples.targets(indices)
        means, marks = [], []
        data_seconds = 0.0
        for step in range(steps):
            began = perf_counter()
            batch = self._samples.batch(first + step, indices[step], self._augmentation)
            data_seconds += perf_counter() - began
            mixed = self._augmentation.mixed(first + step, targets[step]) if self._augmentation else None
            self._rates.set(lr[step])
            loss, outputs = self._gradients(batch, targets[step], mixed)
            self._update()
            means.append(loss)
            marks.append(outputs.argmax(1) if self._classifies else functional.mse_loss(outputs, targets[step]))
        loss_sums = torch.stack(means) * indices.shape[1]
        if self._classifies:
            sums = torch.stack(marks).eq(targets).sum(1).to(loss_sums.dtype)
        else:
            sums = torch.stack(marks) * indices.shape[1]
        # The chunk's one host sync, for all statistics at once. Counts are exact in float32 below 2**24.
        both = torch.stack([loss_sums, sums]).cpu().numpy()
        metrics = {"accuracy" if self._classifies else "mse": both[1]}
        if self._own_state is not None:
            self._own_state.look()
        # Elsewhere steps are only queued here: how long they take there, this clock cannot tell.
        return StepStats(both[0], metrics, data_seconds if self._device.type == "cpu" else None)

    def _gradients(self, inputs: Tensor, targets: Tensor, mixed: losses.Mixed | None) -> tuple[Tensor, Tensor]:
        """Mean loss and outputs of one batch, whose gradients are then in the parameters. In several parts, each counts
        by its share of the samples."""
        # What zero_grad does, without its profiler's hooks: a step of softmax regression is half a millisecond.
        for parameter in self._parameters:
            parameter.grad = None
        if self._parts == 1:
            loss, outputs = self._forward(inputs, targets, mixed)
            self._backward(loss)
            return loss.detach(), outputs.detach()
        total, found = torch.zeros((), dtype=self._dtype, device=self._device), []
        others = mixed.targets.tensor_split(self._parts) if mixed else ()
        for number, x in enumerate(inputs.tensor_split(self._parts)):
            if not len(x):
                continue
            part = losses.Mixed(others[number], mixed.share) if mixed else None
            loss, outputs = self._forward(x, targets.tensor_split(self._parts)[number], part)
            loss = loss * (len(x) / len(inputs))
            self._backward(loss)
            total += loss.detach()
            found.append(outputs.detach())
        return total, torch.cat(found)

    def _forward(self, inputs: Tensor, targets: Tensor, mixed: losses.Mixed | None) -> tuple[Tensor, Tensor]:
        """The mean loss and the outputs of a batch."""
        if self._own_step is not None:
            with self._arithmetic():
                return modules.step_result(self._own_step(inputs, targets), len(inputs), self._spec, self._own_step)
        with self._arithmetic():
            outputs = self.module(inputs)
        outputs = modules.checked(outputs, len(inputs), self._spec, self.module.forward).to(self._dtype)
        loss = self._mean_loss(self._training_loss, outputs, targets)
        if mixed:
            others = self._mean_loss(self._training_loss, outputs, mixed.targets)
            loss = mixed.share * loss + (1 - mixed.share) * others
        return loss, outputs

    def _mean_loss(self, of: losses.Loss, outputs: Tensor, targets: Tensor) -> Tensor:
        loss = of(outputs, targets)
        return loss if self._own_loss is None else modules.mean_loss(loss, self._own_loss)

    def _backward(self, loss: Tensor) -> None:
        try:
            loss.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if "second time" in str(error):
                raise RunError("training_step called backward(); dltui does: return the loss alone") from error
            raise

    def _update(self) -> None:
        if self._clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._step()
        if self._average is not None:
            self._average.follow()

    def _train_mode(self) -> None:
        """Set dropout and batch norm to training; a frozen norm keeps its statistics."""
        self.module.train()
        for norm in self._frozen:
            norm.eval()

    def predict(self, split: SplitName, rows: slice) -> Array:
        return _array(self._evaluated(split, rows)[0])

    def evaluate(self, split: SplitName, rows: slice) -> tuple[Array, float]:
        """The outputs, as `predict` gives them, and the mean of the loss over these rows."""
        outputs, loss = self._evaluated(split, rows, with_loss=True)
        return _array(outputs), float(loss)

    def predict_mirrored(self, split: SplitName, rows: slice) -> Array:
        """The outputs for the same images as in `predict`, mirrored left to right."""
        return _array(self._evaluated(split, rows, mirrored=True)[0])

    def _evaluated(
        self, split: SplitName, rows: slice, with_loss: bool = False, mirrored: bool = False
    ) -> tuple[Tensor, Tensor | float]:
        """The outputs, and the loss right after them: a module may keep values of the forward pass for its loss."""
        inputs = self._samples.rows(split, rows)
        inputs = inputs.flip(-1) if mirrored else inputs
        self.module.eval()
        try:
            # Not inference_mode: what a module keeps, such as a table of positions, could not be trained with.
            with torch.no_grad(), self._average.in_place() if self._average else nullcontext():
                with self._arithmetic():
                    outputs = self.module(inputs)
                outputs = modules.checked(outputs, len(inputs), self._spec, self.module.forward).to(self._dtype)
                loss = self._mean_loss(self._loss, outputs, self._samples.targets_of(split, rows)) if with_loss else 0.0
        finally:
            self._train_mode()
        return outputs, loss

    def _arithmetic(self) -> AbstractContextManager[object]:
        """The context of the arithmetic: with precision bf16 matrix products and convolutions use it; weights stay
        fp32.
        """
        return torch.autocast(self._device.type, torch.bfloat16) if self._autocast else nullcontext()

    def state(self) -> State:
        return self._snapshots.take()

    def load_state(self, state: State) -> None:
        self._snapshots.restore(state)

    def layers(self) -> Sequence[Layer]:
        return list_layers(self.module, self._spec, self._samples.channels_last)


def _array(outputs: Tensor) -> Array:
    return cast("Array", outputs.to(torch.float32).cpu().numpy())
