"""A Keras optimizer that a model brings along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dltui.core.errors import RunError
from dltui.plugins import overrides
from dltui.plugins.tensorflow.optimizers.late import SQUARES

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

_NOT_CORRECTED = "RMSprop"
"""The optimizer of Keras that keeps mean squares and does not correct them for the number of its steps."""


class OfKeras:
    """A model's own Keras optimizer; its learning rate follows the plan, scaled by its initial ratio to `lr`.

    `variables` are those that it trains, `weights` all of the model. With `late`, some are frozen at first.
    """

    def __init__(
        self, optimizer: Any, variables: Sequence[Any], weights: Sequence[Any], lr: float, late: bool = False
    ) -> None:
        self._optimizer, self._variables = optimizer, list(variables)
        self._late = late
        optimizer.build(self._variables)
        self._ratio = _ratio(float(optimizer.learning_rate.numpy()), lr)
        self.state: Mapping[str, Any] = {variable.path: variable.value for variable in optimizer.variables}
        self.begins = tuple(f"{weight.path.replace('/', '_')}_" for weight in weights)
        """The beginnings of the names that it gives to what it keeps of each weight."""
        if len(self.state) != len(optimizer.variables):
            raise RunError(
                f"two variables of {type(optimizer).__name__} have one name, a checkpoint would keep one of them; give "
                "the layers names that differ in more than / and _"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        name = type(self._optimizer).__name__
        ema = f"{name}: the average of use_ema is kept and saved, but not what is evaluated"
        late = (
            f"{name} counts the same steps for all weights: the first updates of those that unfreeze_at unfreezes may"
            " be several times lr; a run with --freeze and a fork of it with --freeze '' avoid that"
        )
        # Keras wraps an optimizer for float16.
        inner = getattr(self._optimizer, "inner_optimizer", self._optimizer)
        corrected = all(one.__name__ != _NOT_CORRECTED for one in type(inner).__mro__)
        counts = self._late and corrected and any(path.endswith(SQUARES) for path in self.state)
        has_ema = getattr(self._optimizer, "use_ema", False)
        return (*((ema,) if has_ema else ()), *((late,) if counts else ()))

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        self._optimizer.learning_rate.assign(lr if self._ratio == 1 else lr * tf.cast(self._ratio, lr.dtype))
        self._optimizer.apply(list(gradients), self._variables)


def own_optimizer(model: Any, config: TrainConfig, late: bool = False) -> OfKeras | None:
    """The optimizer that a model's `configure_optimizer(config)` returns; None without that method. With `late`, some
    of the variables are frozen at first. Raises RunError for a return value that is no usable optimizer.
    """
    configure = overrides.find(model, "configure_optimizer")
    if configure is None:
        return None
    optimizer = configure(config)
    where = overrides.place(configure)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        given = overrides.kind(optimizer)
        raise RunError(f"configure_optimizer returned {given}; return one keras.optimizers.Optimizer{where}")
    if isinstance(getattr(optimizer, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule):
        name = type(optimizer).__name__
        raise RunError(
            f"{name} brings a schedule, but dltui sets the learning rate: give it config.lr, and write the schedule as "
            f"schedule_factors of the Config, or choose --schedule{where}"
        )
    return OfKeras(optimizer, model.trainable_variables, model.weights, config.lr, late)


def _ratio(own: float, lr: float) -> float:
    """The ratio of a Keras learning rate to `lr`; 1 if they are equal in float32, in which Keras keeps them."""
    return 1.0 if np.float32(own) == np.float32(lr) else float(f"{own / lr:.6g}")
