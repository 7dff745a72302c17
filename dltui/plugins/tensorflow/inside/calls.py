"""The calls of a Keras model's layers in a forward pass, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import tensorflow as tf


class Called(NamedTuple):
    """A layer with the first tensor that it got, and the one that it gave."""

    layer: Any
    given: Any
    output: Any


@contextmanager
def recorded(model: Any) -> Iterator[list[Called]]:
    """The calls of all layers of a model, as they are made inside this context, where nothing is compiled."""
    calls: list[Called] = []
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    for layer in layers:
        # Past Keras's own tracking of attributes.
        object.__setattr__(layer, "call", _watched(layer, layer.call, calls))
    try:
        yield calls
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _watched(layer: Any, plain: Any, calls: list[Called]) -> Any:
    """The method `call` of a layer that notes its calls."""

    def call(*given: Any, **more: Any) -> Any:
        output = plain(*given, **more)
        # A sum or a concatenation gets a list.
        first = next((value for value in tf.nest.flatten([given, list(more.values())]) if tf.is_tensor(value)), None)
        if first is not None and tf.is_tensor(output):
            calls.append(Called(layer, first, output))
        return output

    return call
