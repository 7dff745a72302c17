"""Builds a plugin's Keras model and checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.plugins import generators, named_losses, overrides
from dltui.plugins.tensorflow.layers import ensure_built

if TYPE_CHECKING:
    from dltui.core.contract import Spec

DRAWING = {
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoissonV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "TruncatedNormal",
}  # fmt: skip
"""The operations of `tf.random.uniform` and similar functions, whose state cannot be read."""


def build(make: Callable[[Any, Spec], Any], config: Any, spec: Spec) -> Any:
    """The model that a plugin builds, with its variables. Raises RunError for a model that cannot be trained, with the
    remedy.
    """
    model = make(config, spec)
    if not isinstance(model, keras.Model):
        raise RunError(f"build returned {overrides.kind(model)}; return the keras.Model{overrides.place(make)}")
    overrides.check_names(model, make)
    return ensure_built(model, spec)


class Known:
    """The variables that a model has when it is built: those that are trained and kept."""

    def __init__(self, model: Any) -> None:
        self._model, self._variables = model, {id(variable) for variable in model.variables}

    def check(self, what: str, other: str) -> None:
        """Raises RunError for a layer that `what` has built since, while a step is compiled, and `other` has not."""
        if all(id(variable) in self._variables for variable in self._model.variables):
            return
        layers = (layer for layer in self._model._flatten_layers() if self._is_new(layer))
        name = clean_line(_attribute(self._model, next(layers, self._model)), 80)
        told = f"{what} uses the layer {name}, which {other} does not build"
        raise RunError(f"{told}; build it in __init__ (self.{name}.build(...)){overrides.place(self._model.call)}")

    def _is_new(self, layer: Any) -> bool:
        own = (*layer._trainable_variables, *layer._non_trainable_variables)
        return any(id(variable) not in self._variables for variable in own)


def _attribute(model: Any, layer: Any) -> str:
    """The name of the model's attribute that is a layer, or that of the layer."""
    return next((name for name, value in vars(model).items() if value is layer), str(layer.name))


def notes(model: Any) -> tuple[str, ...]:
    """Lines about the parts of a model that have no effect here, or that no checkpoint holds."""
    compiled = (
        "the model was compiled: its loss, optimizer and metrics count for nothing here; training_loss, "
        "configure_optimizer and Model.metrics do",
    )
    return (*(compiled if getattr(model, "compiled", False) else ()), *generators.unsaved(model._flatten_layers()))


def unsaved(graph: Any, known: Iterable[Any]) -> Iterator[str]:
    """Lines about the state that the steps of `graph` change and no checkpoint holds; `known` are the variables that
    checkpoints do hold.
    """
    definition = graph.as_graph_def()
    nodes = chain(definition.node, *(function.node_def for function in definition.library.function))
    drawing = sorted({node.op for node in nodes} & DRAWING)
    if drawing:
        yield (
            f"the model draws random numbers by {', '.join(drawing)}, whose state TensorFlow does not give out: a "
            "resumed run draws others; use keras.random with a keras.random.SeedGenerator"
        )
    found = {id(variable) for variable in known}
    for variable in graph.variables:
        if id(variable) not in found:
            yield (
                f"the model uses the variable {clean_line(variable.name, 60)}, which no checkpoint holds: a resumed "
                "run begins with it anew; make it by add_weight or as a keras.Variable of a layer"
            )


@contextmanager
def compiled() -> Iterator[None]:
    """Run a model's own code while a step is compiled. Raises RunError if it needs the value of a tensor."""
    try:
        yield
    except (TypeError, NotImplementedError, AttributeError) as error:
        if "symbolic" not in str(error).lower():
            raise
        raise RunError(
            "steps are compiled, and a tensor has no value until then: use keras.ops or tf instead of Python's if and "
            "float(), of .numpy() and of NumPy"
        ) from error


def checked(outputs: object, spec: Spec, method: object) -> Any:
    """The outputs that `method` returned, in Keras's float type. Raises RunError for outputs that no loss can be
    computed from.
    """
    full = TASKS[spec.task].output_shape(spec)
    wanted = f"floating numbers of shape (n, {', '.join(map(str, full))}): make the last layer spec.outputs wide"
    wanted += overrides.place(method)
    if not tf.is_tensor(outputs):
        raise RunError(f"the model gives {overrides.kind(outputs)}, wanted are {wanted}")
    shape, kind = tuple(outputs.shape), outputs.dtype  # type: ignore[attr-defined]
    fits = len(shape) == len(full) + 1 and all(one in (size, None) for one, size in zip(shape[1:], full, strict=True))
    if not fits or not kind.is_floating:
        text = str(("n", *shape[1:]) if shape else shape).replace("'", "")
        raise RunError(f"the model gives {kind.name} of shape {text}, wanted are {wanted}")
    # Losses and metrics are computed in Keras's float type, whatever the model computes in.
    return tf.cast(outputs, keras.config.floatx())


def mean_losses(given: object, spec: Spec, method: object) -> dict[str, Any]:
    """The losses that the model's own method returned, by name, the total first. Raises RunError for a value that is
    not a mean.
    """
    found = named_losses.parts(given, method, TASKS[spec.task].names)
    return {name: _mean(loss, name, method) for name, loss in found.items()}


def _mean(loss: object, name: str, method: object) -> Any:
    shape: Any = getattr(loss, "shape", None) if tf.is_tensor(loss) else None
    if shape is not None and shape.rank == 0:
        return loss
    raise named_losses.no_mean(loss, shape, name, method)


def step_result(given: object, spec: Spec, method: object) -> tuple[dict[str, Any], Any]:
    """The losses by name and the outputs of a model's own step. Raises RunError for any other value."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        where = overrides.place(method)
        raise RunError(f"training_step returned {overrides.kind(given)}; return (mean loss, outputs){where}")
    return mean_losses(given[0], spec, method), checked(given[1], spec, method)
