"""Plans the samples, their order and the learning rate of each step: pure functions of the seed and the global step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import EpochPlan
from dltui.core.errors import RunError
from dltui.core.train import augment

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array


class Planner:
    """Makes the plan of any epoch of a run. `changes` are (global step, lr): from that step on the hyperparameter
    `lr` has that value, the schedule's shape stays. `shape` is that of a sample, which augmentation needs. `added`
    are epochs that were asked for later: each addition goes through the schedule once more, from its beginning.
    `steered` are the commands that both come from, as the log has them: checkpoints carry them too."""

    def __init__(
        self,
        config: TrainConfig,
        samples: int,
        changes: Sequence[tuple[int, float]] = (),
        shape: tuple[int, ...] = (),
        added: Sequence[int] = (),
        steered: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.config = config
        self.samples = samples
        self.batch = min(config.batch_size, samples)
        self.steps_per_epoch = samples // self.batch
        self.courses = [config.epochs, *added]
        """Epochs of each course of the schedule."""
        self.epochs = sum(self.courses)
        self.total_steps = self.steps_per_epoch * self.epochs
        self.changes = list(changes)
        self.steered = [dict(command) for command in steered]
        self.shape = shape

    def change_lr(self, step: int, lr: float) -> None:
        """Use `lr` from global step `step` on; earlier changes for later steps are dropped."""
        self.changes = [change for change in self.changes if change[0] < step]
        self.changes.append((step, lr))

    def base_lr(self, step: int) -> float:
        """The requested learning rate at a global step; the schedule multiplies it with factors."""
        return next((lr for at, lr in reversed(self.changes) if at <= step), self.config.lr)

    def epoch(self, epoch: int, skip: int = 0) -> EpochPlan:
        """The plan of epoch `epoch` (from 0) without its first `skip` steps.

        Batches are rectangular: what does not fill a batch is left out of this epoch's permutation.
        """
        rows = permutation(self.config.seed, epoch, self.samples)
        indices = rows[: self.steps_per_epoch * self.batch].reshape(self.steps_per_epoch, self.batch)
        first = epoch * self.steps_per_epoch + skip
        steps = np.arange(first, (epoch + 1) * self.steps_per_epoch)
        augmentation = augment.draw(
            self.config.augment, self.config.seed, epoch, self.steps_per_epoch, self.batch, self.shape
        )
        rest = None if augmentation is None else augmentation[skip:]
        return EpochPlan(epoch, first, np.ascontiguousarray(indices[skip:]), self.learning_rates(steps), rest)

    def learning_rates(self, steps: Array) -> Array:
        """The learning rate of each global step, float32 (steps,)."""
        lr = np.full(len(steps), self.config.lr, dtype=np.float64)
        for step, value in self.changes:
            lr[steps >= step] = value
        first = 0
        for epochs in self.courses:
            total = epochs * self.steps_per_epoch
            inside = (steps >= first) & (steps < first + total)
            lr[inside] *= self._factors(steps[inside] - first, total)
            first += total
        return lr.astype(np.float32)

    def _factors(self, steps: Array, total: int) -> Array:
        """The factors of the learning rate. Raises RunError for invalid factors, because a wrong schedule would
        otherwise only show as a run that learns nothing.
        """
        factors: Array = np.asarray(self.config.schedule_factors(steps, total), dtype=np.float64)
        if factors.shape != steps.shape or not (np.isfinite(factors).all() and (factors >= 0).all()):
            raise RunError(f"schedule {self.config.schedule} must give {len(steps)} finite numbers from 0 on")
        return factors


def permutation(seed: int, epoch: int, samples: int) -> Array:
    """The order of the train rows in one epoch, int32 (samples,)."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)))
    return generator.permutation(samples).astype(np.int32)
