"""Optimizers with PyTorch's formulas, which Keras does not have.

Keras's SGD folds the learning rate into the momentum, so that a schedule acts differently; its AdamW places epsilon
before the bias correction. TensorFlow's own fused updates, given the right scalars, compute what PyTorch does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from dltui.core.errors import RunError
from dltui.plugins import overrides

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Optimizer(Protocol):
    """An optimizer that updates variables from gradients; `state` maps names in a checkpoint to its own variables."""

    @property
    def state(self) -> Mapping[str, Any]: ...

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        """Update the variables once. A gradient is None for a variable without influence on the loss, which keeps its
        value.
        """


class Sgd:
    """SGD: velocity = momentum * velocity + gradient + weight_decay * weight; weight -= lr * velocity."""

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig) -> None:
        self._weights = list(weights.values())
        self._momentum, self._decay = config.momentum, config.weight_decay
        self._velocities = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights] if config.momentum else []
        names = [f"{name}/momentum" for name in weights]
        self.state: Mapping[str, Any] = dict(zip(names, self._velocities, strict=False))

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        velocities = self._velocities or [None] * len(self._weights)
        for weight, velocity, gradient in zip(self._weights, velocities, gradients, strict=True):
            if gradient is None:
                continue
            if self._decay:
                gradient = gradient + weight * self._decay
            rate = tf.cast(lr, weight.dtype)
            if velocity is None:
                weight.assign_sub(rate * gradient)
                continue
            momentum = tf.constant(self._momentum, weight.dtype)
            tf.raw_ops.ResourceApplyMomentum(
                var=weight.handle, accum=velocity.handle, lr=rate, grad=gradient, momentum=momentum
            )


class AdamW:
    """AdamW (Loshchilov & Hutter 2019) as in PyTorch, whose epsilon is added to the root of the *corrected* second
    moment.

    TensorFlow's fused Adam adds its epsilon to the uncorrected root r: lr / c1 * m / (r / s + eps), s = sqrt(c2), is
    (lr * s / c1) * m / (r + eps * s). The corrections are computed in float64 from the betas that the kernel sees.
    """

    def __init__(self, weights: Mapping[str, Any], config: TrainConfig) -> None:
        self._weights = list(weights.values())
        self._decay = config.weight_decay
        self._step = tf.Variable(0, dtype=tf.int64)
        self._means = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        self._squares = [tf.Variable(tf.zeros_like(weight)) for weight in self._weights]
        means = {f"{name}/exp_avg": mean for name, mean in zip(weights, self._means, strict=True)}
        squares = {f"{name}/exp_avg_sq": square for name, square in zip(weights, self._squares, strict=True)}
        self.state: Mapping[str, Any] = {"step": self._step, **means, **squares}

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        step = tf.cast(self._step.assign_add(1), tf.float64)
        for weight, mean, square, gradient in zip(self._weights, self._means, self._squares, gradients, strict=True):
            if gradient is None:
                continue
            if self._decay:
                weight.assign(weight * tf.cast(1 - tf.cast(lr, tf.float64) * self._decay, weight.dtype))
            self._update(weight, mean, square, gradient, tf.cast(lr, tf.float64), step)

    def _update(self, weight: Any, mean: Any, square: Any, gradient: Any, lr: Any, step: Any) -> None:
        kind = weight.dtype
        betas = [float(np.asarray(beta, kind.as_numpy_dtype)) for beta in BETAS]
        first, second = (1 - tf.pow(tf.constant(beta, tf.float64), step) for beta in betas)
        root = tf.sqrt(second)
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=tf.zeros((), kind),
            beta2_power=tf.zeros((), kind),
            lr=tf.cast(lr * root / first, kind),
            beta1=tf.constant(betas[0], kind),
            beta2=tf.constant(betas[1], kind),
            epsilon=tf.cast(EPSILON * root, kind),
            grad=gradient,
        )


class OfKeras:
    """A model's own Keras optimizer; its learning rate follows the plan, scaled by its initial ratio to `lr`."""

    def __init__(self, optimizer: Any, variables: Sequence[Any], lr: float) -> None:
        self._optimizer, self._variables = optimizer, list(variables)
        optimizer.build(self._variables)
        self._ratio = _ratio(float(optimizer.learning_rate.numpy()), lr)
        self.state: Mapping[str, Any] = {variable.path: variable.value for variable in optimizer.variables}
        if len(self.state) != len(optimizer.variables):
            raise RunError(
                f"two variables of {type(optimizer).__name__} have one name, a checkpoint would keep one of them; give "
                "the layers names that differ in more than / and _"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        name = type(self._optimizer).__name__
        ema = f"{name}: the average of use_ema is kept and saved, but not what is evaluated"
        return (ema,) if getattr(self._optimizer, "use_ema", False) else ()

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        self._optimizer.learning_rate.assign(lr if self._ratio == 1 else lr * tf.cast(self._ratio, lr.dtype))
        self._optimizer.apply(list(gradients), self._variables)


class Constrained:
    """An optimizer that applies the constraints of Keras's variables after each step, as Keras's optimizers do."""

    def __init__(self, optimizer: Optimizer, variables: Sequence[Any]) -> None:
        self._optimizer, self._variables = optimizer, list(variables)
        self.state: Mapping[str, Any] = optimizer.state

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        self._optimizer.apply(gradients, lr)
        for variable in self._variables:
            variable.assign(variable.constraint(variable))


def own_optimizer(model: Any, config: TrainConfig) -> OfKeras | None:
    """The optimizer that a model's `configure_optimizer(config)` returns; None without that method. Raises RunError for
    a return value that is no usable optimizer.
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
    return OfKeras(optimizer, model.trainable_variables, config.lr)


def make_optimizer(model: Any, names: Sequence[str], config: TrainConfig) -> Optimizer:
    """The optimizer that the config names, over the model's trainable variables, called `names` in this order."""
    if not names:
        raise RunError("no variable of this model can be trained; is `trainable` off for all of its layers?")
    weights = {name: variable.value for name, variable in zip(names, model.trainable_variables, strict=True)}
    optimizer: Optimizer = Sgd(weights, config) if config.optimizer == "sgd" else AdamW(weights, config)
    bound = [variable for variable in model.trainable_variables if variable.constraint is not None]
    return Constrained(optimizer, bound) if bound else optimizer


def _ratio(own: float, lr: float) -> float:
    """The ratio of a Keras learning rate to `lr`; 1 if they are equal in float32, in which Keras keeps them."""
    return 1.0 if np.float32(own) == np.float32(lr) else float(f"{own / lr:.6g}")
