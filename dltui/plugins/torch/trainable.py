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
from dltui.plugins.torch import module as modules
from dltui.plugins.torch.layers import list_layers
from dltui.plugins.torch.optim import Rates, make_optimizer, own_optimizer
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
        self.module.train()
        own = own_optimizer(self.module, config)
        self._optimizer = own or make_optimizer(self.module, config)
        self._rates = Rates(self._optimizer, config.lr)
        self._own_state = OwnState(self.module, own) if own else None
        self._snapshots = Snapshots(self.module, self._optimizer, device, self._own_state)
        self._parameters = list(self.module.parameters())
        self._classifies = data.spec.task == "classification"
        standard = functional.cross_entropy if self._classifies else functional.mse_loss
        self._own_step = overrides.find(self.module, "training_step")
        self._own_loss = overrides.find(self.module, "training_loss")
        self._loss: Callable[[Tensor, Tensor], Tensor] = self._own_loss or standard
        self.notes = tuple(generators.unsaved(self.module.modules(), (torch.Generator,)))
        self._indices = torch.zeros(0, 0, dtype=torch.int32)
        self._augmentation: Sequence[Tensor | None] = ()
        self._lr: list[float] = []
        self._next = 0
        self._device, self._dtype = device, dtype
        self._autocast = config.precision == "bf16"

    @property
    def own_loss(self) -> bool:
        """True if the module has its own loss, used in training and evaluation."""
        return self._own_loss is not None

    def begin_epoch(self, plan: EpochPlan) -> None:
        self._indices = torch.from_numpy(plan.indices).to(self._device)
        self._augmentation = (None,) * plan.steps
        if plan.augmentation is not None:
            self._augmentation = torch.from_numpy(plan.augmentation).to(self._device).unbind()
        self._samples.begin(plan.indices)
        self._lr = plan.lr.tolist()
        self._next = 0

    def advance(self, steps: int) -> StepStats:
        first, chunk = self._next, slice(self._next, self._next + steps)
        self._next += steps
        indices, augmentation, lr = self._indices[chunk], self._augmentation[chunk], self._lr[chunk]
        targets = self._samples.targets(indices)
        losses, marks = [], []
        data_seconds = 0.0
        for step in range(steps):
            began = perf_counter()
            batch = self._samples.batch(first + step, indices[step], augmentation[step])
            data_seconds += perf_counter() - began
            loss, outputs = self._forward(batch, targets[step])
            self._update(loss, lr[step])
            losses.append(loss.detach())
            outputs = outputs.detach()
            marks.append(outputs.argmax(1) if self._classifies else functional.mse_loss(outputs, targets[step]))
        loss_sums = torch.stack(losses) * indices.shape[1]
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

    def _forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss and the outputs of a batch."""
        if self._own_step is not None:
            with self._arithmetic():
                return modules.step_result(self._own_step(inputs, targets), len(inputs), self._spec, self._own_step)
        with self._arithmetic():
            outputs = self.module(inputs)
        outputs = modules.checked(outputs, len(inputs), self._spec, self.module.forward).to(self._dtype)
        return self._mean_loss(outputs, targets), outputs

    def _mean_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._loss(outputs, targets)
        return loss if self._own_loss is None else modules.mean_loss(loss, self._own_loss)

    def _update(self, loss: Tensor, lr: float) -> None:
        self._rates.set(lr)
        # What zero_grad does, without its profiler's hooks: a step of softmax regression is half a millisecond.
        for parameter in self._parameters:
            parameter.grad = None
        try:
            loss.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if "second time" in str(error):
                raise RunError("training_step called backward(); dltui does: return the loss alone") from error
            raise
        self._optimizer.step()

    def predict(self, split: SplitName, rows: slice) -> Array:
        return _array(self._evaluated(split, rows)[0])

    def evaluate(self, split: SplitName, rows: slice) -> tuple[Array, float]:
        """The outputs, as `predict` gives them, and the mean of the loss over these rows."""
        outputs, loss = self._evaluated(split, rows, with_loss=True)
        return _array(outputs), float(loss)

    def _evaluated(self, split: SplitName, rows: slice, with_loss: bool = False) -> tuple[Tensor, Tensor | float]:
        """The outputs, and the loss right after them: a module may keep values of the forward pass for its loss."""
        inputs = self._samples.rows(split, rows)
        self.module.eval()
        try:
            # Not inference_mode: what a module keeps, such as a table of positions, could not be trained with.
            with torch.no_grad():
                with self._arithmetic():
                    outputs = self.module(inputs)
                outputs = modules.checked(outputs, len(inputs), self._spec, self.module.forward).to(self._dtype)
                loss = self._mean_loss(outputs, self._samples.targets_of(split, rows)) if with_loss else 0.0
        finally:
            self.module.train()
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
