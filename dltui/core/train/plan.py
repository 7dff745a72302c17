"""Plans the samples, their order and the learning rate of each step: pure functions of the seed and the global step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import EpochPlan
from dltui.core.errors import RunError
from dltui.core.train import augmentation
from dltui.core.train.augmentation import color, crops, erasing, geometry, mixing
from dltui.core.train.options.time_budget import phases

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array


MOST_EPOCHS = 10_000
"""The number of epochs planned for a run that trains for a time, before its speed is known."""
FITTED = 1_000_000
"""The number of steps into which a schedule is divided that is fitted to a time."""


class Planner:
    """Makes the plan of any epoch of a run. `changes` are (global step, lr): from that step on the hyperparameter
    `lr` has that value, the schedule's shape stays. `shape` is that of a sample, which augmentation needs, and `stored`
    that of the image from which it is cut, where that is larger. `added`
    are epochs that were asked for later: each addition goes through the schedule once more, from its beginning. `fits`
    are (global step, steps in all) of a run that trains for `max_time`: what was estimated from that step on.
    `steered` are the commands that these come from, as the log has them: checkpoints carry them too. `begun` are the
    epochs done and the share of `max_time` used with which a fork begins: its schedule goes on at that share.
    """

    def __init__(
        self,
        config: TrainConfig,
        samples: int,
        changes: Sequence[tuple[int, float]] = (),
        shape: tuple[int, ...] = (),
        added: Sequence[int] = (),
        steered: Sequence[Mapping[str, Any]] = (),
        fits: Sequence[tuple[int, int]] = (),
        stored: tuple[int, ...] = (),
        begun: tuple[int, float] = (0, 0.0),
    ) -> None:
        self.config = config
        self.samples = samples
        self.batch = min(config.batch_size, samples)
        self.steps_per_epoch = samples // self.batch
        self.courses = [config.epochs, *added]
        """Epochs of each course of the schedule."""
        self.epochs = sum(self.courses)
        self.total_steps = self.steps_per_epoch * self.epochs
        first, self.begun = begun[0] * self.steps_per_epoch, begun[1]
        unknown = (first, first + MOST_EPOCHS * self.steps_per_epoch)
        self.fits = [unknown, *fits] if config.max_time else []
        if self.fits:
            self._end_at(self.fits[-1][1])
        self.changes = list(changes)
        self.steered = [dict(command) for command in steered]
        self.shape = shape
        self.stored = stored or shape

    def change_lr(self, step: int, lr: float) -> None:
        """Use `lr` from global step `step` on; earlier changes for later steps are dropped."""
        self.changes = [change for change in self.changes if change[0] < step]
        self.changes.append((step, lr))

    def fit(self, step: int, total: int) -> None:
        """Set the steps in all to `total`, as estimated at global step `step`."""
        self.fits = [*(fit for fit in self.fits if fit[0] < step), (step, total)]
        self._end_at(total)

    def _end_at(self, total: int) -> None:
        self.total_steps, self.epochs = total, -(-total // self.steps_per_epoch)

    def steps_of(self, epoch: int) -> int:
        """Steps of epoch `epoch` (from 0); the last one of a run that trains for a time is cut short."""
        return max(min(self.steps_per_epoch, self.total_steps - epoch * self.steps_per_epoch), 0)

    def steps_done(self, epoch: int, step_in_epoch: int) -> int:
        """The global steps done after so many epochs, and so many steps of the next one."""
        # The last epoch of a run that trains for a time has fewer steps than the others.
        return min(epoch * self.steps_per_epoch, self.total_steps) + step_in_epoch

    def base_lr(self, step: int) -> float:
        """The requested learning rate at a global step; the schedule multiplies it with factors."""
        return next((lr for at, lr in reversed(self.changes) if at <= step), self.config.lr)

    def epoch(self, epoch: int, skip: int = 0) -> EpochPlan:
        """The plan of epoch `epoch` (from 0) without its first `skip` steps.

        Batches are rectangular: what does not fill a batch is left out of this epoch's permutation. Raises RunError
        where samples cannot be changed at random as the config asks.
        """
        config, steps, batch, shape = self.config, self.steps_per_epoch, self.batch, self.shape
        augmentation.check(config, shape)
        first, seed = epoch * steps, config.seed
        plan = EpochPlan(
            epoch,
            first + skip,
            permutation(seed, epoch, self.samples)[: steps * batch].reshape(steps, batch),
            self.learning_rates(np.arange(first, first + steps)),
            geometry.draw(config.augment, seed, epoch, steps, batch, shape, config.shift),
            color.draw(config.color, seed, epoch, steps, batch),
            erasing.draw(config.erase, seed, epoch, steps, batch, shape),
            mixing.draw(config.mixup, config.cutmix, seed, epoch, steps, batch, shape),
            crops.draw(config.augment, seed, epoch, steps, batch, self.stored),
        )
        return plan.rows(slice(skip, max(self.steps_of(epoch), skip)))

    def learning_rates(self, steps: Array) -> Array:
        """The learning rate of each global step, float32 (steps,)."""
        lr = np.full(len(steps), self.config.lr, dtype=np.float64)
        for step, value in self.changes:
            lr[steps >= step] = value
        if self.fits:
            phase = phases(steps, self.fits, self.begun)
            done = np.minimum((phase * FITTED).astype(np.int64), FITTED - 1)
            return (lr * self._factors(done, FITTED) * self._rise(steps)).astype(np.float32)
        first = 0
        for epochs in self.courses:
            total = epochs * self.steps_per_epoch
            inside = (steps >= first) & (steps < first + total)
            lr[inside] *= self._factors(steps[inside] - first, total)
            if not first or self.config.schedule != "constant":
                # Added epochs may be fewer than those of the warm-up.
                lr[inside] *= self._rise(steps[inside] - first, most=total // 2 if first else total)
            first += total
        return lr.astype(np.float32)

    def _rise(self, steps: Array, most: int | None = None) -> Array:
        """The factor of the warm-up at steps counted from the start of a course: from a first part of it to 1. `most`
        are the steps that it may take.
        """
        length = max(round(self.config.warmup * self.steps_per_epoch), 1)
        return np.minimum((steps + 1) / (length if most is None else max(min(length, most), 1)), 1.0)

    def _factors(self, steps: Array, total: int) -> Array:
        """The factors of the learning rate. Raises RunError for invalid factors, because a wrong schedule would
        otherwise only show as a run that learns nothing.
        """
        factors: Array = np.asarray(self.config.schedule_factors(steps, total), dtype=np.float64)
        if factors.shape != steps.shape or not (np.isfinite(factors).all() and (factors >= 0).all()):
            found = (
                f"shape {factors.shape}" if factors.shape != steps.shape else f"{factors.min():g} to {factors.max():g}"
            )
            raise RunError(
                f"schedule_factors of the model's Config gave {found}; wanted are {len(steps)} finite numbers from 0 on"
            )
        return factors


def permutation(seed: int, epoch: int, samples: int) -> Array:
    """The order of the train rows in one epoch, int32 (samples,)."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)))
    return generator.permutation(samples).astype(np.int32)
