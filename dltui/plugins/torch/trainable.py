"""Adapts a PyTorch module to the training loop: steps on data that lie on the device, replayed on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.regression.scaling import own_units
from dltui.core.train.evaluation import rows_beside
from dltui.plugins import generators, overrides
from dltui.plugins.torch import losses, precision
from dltui.plugins.torch import module as modules
from dltui.plugins.torch.averaging import Average
from dltui.plugins.torch.layers import list_layers
from dltui.plugins.torch.optimizers.freezing import Freezing
from dltui.plugins.torch.optimizers.make import Rates, make_optimizer, own_optimizer
from dltui.plugins.torch.optimizers.plain_step import plain_step
from dltui.plugins.torch.ranks import together
from dltui.plugins.torch.samples import Samples
from dltui.plugins.torch.slots import OwnState
from dltui.plugins.torch.snapshot import Snapshots
from dltui.plugins.torch.steps.captured import Captured, Refused
from dltui.plugins.torch.steps.computation import Computation, Losses
from dltui.plugins.torch.steps.eager import Eager
from dltui.plugins.torch.steps.preparation import Preparation

if TYPE_CHECKING:
    from dltui.core.contract import Data, Rank, Spec
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, SplitName, State
    from dltui.plugins.torch.inputs.fields import Inputs
    from dltui.plugins.torch.ranks.group import Group


class TorchTrainable:
    """Trains on `device`. The module gets normalized samples, images as (n, channels, height, width).

    A module may bring its own `training_loss(outputs, targets)`, the mean over a batch, its own
    `configure_optimizer(config)`, or a `training_step(inputs, targets)` that returns (mean loss, outputs). A loss may
    be {"loss": total, "kl": part}. Steps queue up on the device: the host waits once an `advance`, at its end.
    """

    def __init__(
        self,
        build: Callable[[Any, Spec], nn.Module],
        config: TrainConfig,
        data: Data,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        rank: Rank | None = None,
    ) -> None:
        """With a `rank` this is one of several processes that train together."""
        precision.use(config.precision, device)
        self._spec = data.spec
        self._samples = Samples(data, device, dtype)
        self.module = modules.place(modules.build(build, config, data.spec), device, dtype)
        self._samples.channels_last = modules.choose_layout(self.module, data.spec)
        self._freezing = Freezing(self.module, config)
        own = own_optimizer(self.module, config)
        optimizer = own or make_optimizer(self.module, config)
        self._freezing.follow(0)
        self._train_mode()
        self._rates = Rates(optimizer, config.lr)
        self._own_state = OwnState(self.module, own) if own else None
        self._known, self._unseen = modules.Known(self.module), {"evaluation", "training"}
        self._marks, self._metric = losses.MARKS[data.spec.task], TASKS[data.spec.task].trained_metric
        group, draws = together.join(rank, self.module, device, config)
        self._group: Group | None = group
        # Of the weights that all ranks have now.
        self._average = Average(self.module, config.ema) if config.ema else None
        self._losses = _losses(self.module, config, data, device, dtype, own, self._group)
        self._computation = Computation(
            self.module, data.spec, config, device, dtype, self._losses, optimizer, self._average, self._group
        )
        if own is None:
            self._computation.step = plain_step(optimizer)
        scaler = self._computation.scaler
        self._snapshots = Snapshots(self.module, optimizer, device, self._own_state, self._average, scaler, draws)
        self.notes = _notes(self.module, config, device)
        self._device, self._dtype = device, dtype
        self._eager = Eager(self._computation, self._samples, self._rates, device, draws)
        self._runner: Eager | Captured = self._eager
        self._config = config
        if device.type == "cuda":
            self.predict_rows = rows_beside(data.spec, -(-config.batch_size // config.accumulate))

    @property
    def own_loss(self) -> bool:
        """True if the module has its own loss, used in training and evaluation."""
        return self._losses.own is not None

    @property
    def mode(self) -> str:
        """How steps run, such as "eager" or "graph + compile"."""
        return f"{self._runner.mode} + compile" if self._computation.compiled else self._runner.mode

    def prepare(self, plan: Callable[[], EpochPlan], steps: int) -> Sequence[str]:
        """Get ready for `steps` steps of plans like this one: capture and compile them as the device and the config
        say. All else stays as it is. Returns lines for the log about it.
        """
        if self._group is not None:
            return together.notes(self._device)
        preparation = Preparation(self._eager, self._config, self._obstacle())
        self._runner = preparation.choose(plan, steps)
        return preparation.lines

    def _obstacle(self) -> str:
        """The reason why steps cannot be captured that is known beforehand, or ""."""
        if self._own_state is not None:
            return "the optimizer is the model's own"
        scaler = self._computation.scaler
        if scaler is not None and scaler.waits:
            named = self._config.optimizer
            return f"fp16 with {named} asks the host after each step; take bf16, or sgd, adam or adamw"
        return "" if self._samples.on_device else "the samples do not fit on the device"

    def begin_epoch(self, plan: EpochPlan) -> Sequence[str]:
        lines = self._freezing.follow(plan.epoch)
        if lines is not None:
            self._train_mode()
            self._runner.forget()
        return (*(lines or ()), *self._begin(plan))

    def _begin(self, plan: EpochPlan) -> tuple[str, ...]:
        """Give the plan to what runs the steps. Returns a line where that is another from here on."""
        try:
            self._runner.begin(plan)
            return ()
        except Refused as refusal:
            reason = str(refusal)
        # A plan of another form than those that it was prepared for, or other layers that are trained. Not while the
        # error is at hand: it holds the memory of what failed.
        self._runner = self._eager
        self._computation.use(None)
        self._runner.begin(plan)
        return (f"steps run one operation at a time from here, not as a CUDA graph: {reason}",)

    def advance(self, steps: int) -> StepStats:
        results = self._runner.advance(steps)
        if self._group is not None:
            self._group.sum_(results)
        # The chunk's one host sync, for all statistics at once.
        losses, marks, *named = results.cpu().numpy()
        batch = self._runner.batch
        metrics = {self._metric: marks * batch if self._marks.is_mean else marks}
        metrics |= {name: means * batch for name, means in zip(self._computation.names, named, strict=True)}
        if self._own_state is not None:
            self._own_state.look()
        self._look("training", self._losses.own_step or self.module.forward)
        # Elsewhere steps are only queued here: how long they take there, this clock cannot tell.
        data_seconds = self._runner.data_seconds if self._device.type == "cpu" else None
        return StepStats(losses * batch, metrics, data_seconds, self._group.take_waited() if self._group else None)

    def _train_mode(self) -> None:
        """Set dropout and batch norm to training; a frozen norm keeps its statistics."""
        self.module.train()
        for norm in self._freezing.norms:
            norm.eval()

    def inputs(self, split: SplitName, rows: slice) -> Inputs:
        """The rows of a split as the module gets them: normalized, on its device."""
        return self._samples.rows(split, rows)

    def predict(self, split: SplitName, rows: slice) -> Array:
        return self._array(self._evaluated(split, rows)[0])

    def evaluate(self, split: SplitName, rows: slice) -> tuple[Array, dict[str, float]]:
        """The outputs, as `predict` gives them, and the means of the losses over these rows by name, the total
        first."""
        outputs, losses = self._evaluated(split, rows, with_loss=True)
        return self._array(outputs), {name: float(loss) for name, loss in losses.items()}

    def predict_mirrored(self, split: SplitName, rows: slice) -> Array:
        """The outputs for the same images as in `predict`, mirrored left to right."""
        return self._array(self._evaluated(split, rows, mirrored=True)[0])

    def _evaluated(
        self, split: SplitName, rows: slice, with_loss: bool = False, mirrored: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The outputs, and the losses right after them: a module may keep values of the forward pass for its loss."""
        inputs = self._samples.rows(split, rows)
        inputs = inputs.flip(-1) if mirrored and isinstance(inputs, Tensor) else inputs
        self.module.eval()
        try:
            # Not inference_mode: what a module keeps, such as a table of positions, could not be trained with.
            with torch.no_grad(), self._average.in_place() if self._average else nullcontext():
                outputs = self._computation.outputs(inputs)
                losses: dict[str, Tensor] = {}
                if with_loss:
                    losses = self._computation.evaluated(outputs, self._samples.targets_of(split, rows))
        finally:
            self._train_mode()
        self._look("evaluation", self.module.forward)
        return outputs, losses

    def _look(self, mode: str, method: Callable[..., Any]) -> None:
        """Look, the first time, at what `method` has made in evaluation or training. Raises RunError."""
        if mode in self._unseen:
            self._unseen.remove(mode)
            self._known.check(method)

    def _array(self, outputs: Tensor) -> Array:
        # Numbers of each pixel are told with the channels last, as images are.
        outputs = outputs.movedim(1, -1) if outputs.dim() > 2 else outputs
        return own_units(cast("Array", outputs.to(torch.float32).contiguous().cpu().numpy()), self._spec)

    def state(self) -> State:
        return self._snapshots.take()

    def load_state(self, state: State) -> None:
        self._snapshots.restore(state)

    def layers(self) -> Sequence[Layer]:
        return list_layers(self.module, self._spec, self._samples.channels_last)


def _notes(module: nn.Module, config: TrainConfig, device: torch.device) -> tuple[str, ...]:
    """What there is to say of a network before its first step."""
    unsaved = generators.unsaved(module.modules(), (torch.Generator,))
    return (*unsaved, *precision.notes(config.precision, device))


def _losses(
    module: nn.Module,
    config: TrainConfig,
    data: Data,
    device: torch.device,
    dtype: torch.dtype,
    own_optimizer: object,
    group: Group | None,
) -> Losses:
    """The losses of a module, and its own step. Raises RunError where they leave an option without effect."""
    own_step, own = overrides.find(module, "training_step"), overrides.find(module, "training_loss")
    overrides.check_options(config, own_step, own, own_optimizer)
    training = own or losses.training_loss(config, data, device, dtype, group)
    return Losses(training, own or losses.STANDARD[data.spec.task], own, own_step)
