"""Builds a plugin's Keras model and checks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dltui.core.errors import RunError
from dltui.plugins import overrides
from dltui.plugins.tensorflow.layers import ensure_built

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(make: Callable[[Any, Spec], Any], config: Any, spec: Spec) -> Any:
    """The model that a plugin builds, with its variables. Raises RunError for a model that cannot be trained, with the
    remedy.
    """
    model = make(config, spec)
    if not isinstance(model, keras.Model):
        raise RunError(f"build returned {overrides.kind(model)}; return the keras.Model{overrides.place(make)}")
    overrides.check_names(model, make)
    return ensure_built(model, spec)


def notes(model: Any) -> tuple[str, ...]:
    """Lines about the parts of a model that have no effect here."""
    if not getattr(model, "compiled", False):
        return ()
    return (
        "the model was compiled: its loss, optimizer and metrics count for nothing here; training_loss, "
        "configure_optimizer and Model.metrics do",
    )


def checked(outputs: object, spec: Spec, method: object) -> Any:
    """The outputs that `method` returned, in Keras's float type. Raises RunError for outputs that no loss can be
    computed from.
    """
    wanted = f"floating numbers of shape (n, {spec.outputs}): make the last layer spec.outputs wide"
    wanted += overrides.place(method)
    if not tf.is_tensor(outputs):
        raise RunError(f"the model gives {overrides.kind(outputs)}, wanted are {wanted}")
    shape, kind = tuple(outputs.shape), outputs.dtype  # type: ignore[attr-defined]
    if len(shape) != 2 or shape[1] not in (spec.outputs, None) or not kind.is_floating:
        text = str(("n", *shape[1:]) if shape else shape).replace("'", "")
        raise RunError(f"the model gives {kind.name} of shape {text}, wanted are {wanted}")
    # Losses and metrics are computed in Keras's float type, whatever the model computes in.
    return tf.cast(outputs, keras.config.floatx())


def mean_loss(loss: object, method: object) -> Any:
    """The loss that the model's own method returned. Raises RunError for a value that is not a mean."""
    if tf.is_tensor(loss) and loss.shape.rank == 0:  # type: ignore[attr-defined]
        return loss
    given = f"numbers of shape {tuple(loss.shape)}" if tf.is_tensor(loss) else overrides.kind(loss)  # type: ignore[attr-defined]
    name, where = getattr(method, "__name__", "the loss"), overrides.place(method)
    raise RunError(f"{name} gave {given} as the loss; give the mean over the batch, a tensor without dimensions{where}")


def step_result(given: object, spec: Spec, method: object) -> tuple[Any, Any]:
    """The loss and outputs of a model's own step. Raises RunError for any other value."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        where = overrides.place(method)
        raise RunError(f"training_step returned {overrides.kind(given)}; return (mean loss, outputs){where}")
    return mean_loss(given[0], method), checked(given[1], spec, method)
