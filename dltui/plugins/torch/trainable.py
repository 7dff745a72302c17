"""A PyTorch module behind the contract of the training loop: eager steps on data that lie on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.plugins.torch import snapshot
from dltui.plugins.torch.layers import list_layers
from dltui.plugins.torch.optim import make_optimizer
from dltui.plugins.torch.samples import Samples

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
        module = build(config, data.spec).to(device=device, dtype=dtype)
        # Convolutions, pooling and batch norm are up to twice as fast with the channels innermost.
        self.module = module.to(memory_format=torch.channels_last) if data.spec.is_image else module
        self.module.train()
        self._optimizer = make_optimizer(self.module, config)
        self._parameters = list(self.module.parameters())
        self._classifies = data.spec.task == "classification"
        standard = functional.cross_entropy if self._classifies else functional.mse_loss
        self._own_step: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = getattr(
            self.module, "training_step", None
        )
        self._loss: Callable[[Tensor, Tensor], Tensor] = getattr(self.module, "training_loss", standard)
        self._indices = torch.zeros(0, 0, dtype=torch.int32)
        self._augmentation: Sequence[Tensor | None] = ()
        self._lr: list[float] = []
        self._next = 0
        self._device, self._dtype = device, dtype
        self._autocast = config.precision == "bf16"

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
        # Elsewhere steps are only queued here: how long they take there, this clock cannot tell.
        return StepStats(both[0], metrics, data_seconds if self._device.type == "cpu" else None)

    def _forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and outputs of one batch."""
        if self._own_step is not None:
            with self._arithmetic():
                return self._own_step(inputs, targets)
        with self._arithmetic():
            outputs = self.module(inputs)
        outputs = outputs.to(self._dtype)
        return self._loss(outputs, targets), outputs

    def _update(self, loss: Tensor, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        # What zero_grad does, without its profiler's hooks: a step of softmax regression is half a millisecond.
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def predict(self, split: SplitName, rows: slice) -> Array:
        self.module.eval()
        try:
            with torch.inference_mode(), self._arithmetic():
                outputs = self.module(self._samples.rows(split, rows))
        finally:
            self.module.train()
        return cast("Array", outputs.to(torch.float32).cpu().numpy())

    def _arithmetic(self) -> AbstractContextManager[object]:
        """With precision bf16 matrix products and convolutions compute in it, from weights that stay fp32."""
        return torch.autocast(self._device.type, torch.bfloat16) if self._autocast else nullcontext()

    def state(self) -> State:
        return snapshot.take(self.module, self._optimizer, self._device)

    def load_state(self, state: State) -> None:
        snapshot.restore(self.module, self._optimizer, self._device, state)

    def layers(self) -> Sequence[Layer]:
        return list_layers(self.module, self._spec)
