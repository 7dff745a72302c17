"""Takes records in rows of bytes apart into the named tensors that a Keras model gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dltui.core.contract.inputs import LENGTH, MASK
from dltui.core.inputs.records import as_rows, record_type, zeros

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.inputs import Input

TYPES = {"float32": tf.float32, "int32": tf.int32, "uint8": tf.uint8}


class Fields:
    """The named inputs of records in rows of bytes (n, bytes): floats and images (n, height, width, channels)
    normalized, with zeros behind a padded sequence, categories and tokens as int32, and masks as bool (n, steps).
    """

    def __init__(self, spec: Spec) -> None:
        self._inputs = spec.named_inputs
        fields = dict(record_type(spec.named_inputs).fields or {})
        self._places = {name: (field[1], field[0].itemsize) for name, field in fields.items()}

    def __call__(self, rows: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in self._inputs:
            found[one.name] = values = self._values(one, self._read(one.name, rows, one))
            if one.padded:
                mask = tf.range(one.shape[0]) < self._read(one.name + LENGTH, rows, None)[:, None]
                found[one.name + MASK] = mask
                found[one.name] = masked(values, mask)
        return found

    def _read(self, name: str, rows: Any, one: Input | None) -> Any:
        first, size = self._places[name]
        piece = rows[:, first : first + size]
        kind, shape = (TYPES[one.dtype], one.shape) if one else (tf.int32, ())
        if kind != tf.uint8:
            piece = tf.bitcast(tf.reshape(piece, (-1, size // 4, 4)), kind)
        return tf.reshape(piece, (-1, *shape))

    def _values(self, one: Input, values: Any) -> Any:
        if one.dtype == "int32":
            return values
        kind = keras.config.floatx()
        return (tf.cast(values, kind) - tf.constant(one.mean, kind)) / tf.constant(one.std, kind)


def masked(values: Any, mask: Any) -> Any:
    """The values with zeros where the mask (n, steps) is False."""
    mask = tf.reshape(mask, (-1, mask.shape[1], *(1 for _ in values.shape[2:])))
    return tf.where(mask, values, tf.zeros((), values.dtype))


def example(spec: Spec, samples: int) -> dict[str, Any]:
    """The named inputs of samples of zeros."""
    return Fields(spec)(tf.constant(as_rows(zeros(spec.named_inputs, samples))))


def pieces(inputs: Any, sizes: Sequence[int]) -> list[Any]:
    """The samples, a tensor or named tensors, in parts of these sizes."""
    if not isinstance(inputs, dict):
        return list(tf.split(inputs, sizes))
    each = {name: tf.split(tensor, sizes) for name, tensor in inputs.items()}
    return [{name: tensors[number] for name, tensors in each.items()} for number in range(len(sizes))]


def symbols(spec: Spec) -> dict[str, Any]:
    """A `keras.Input` for each named input and each mask, by name."""
    found = {}
    for one in spec.named_inputs:
        found[one.name] = keras.Input(one.shape, name=one.name, dtype=None if one.dtype != "int32" else "int32")
        if one.padded:
            found[one.name + MASK] = keras.Input(one.shape[:1], name=one.name + MASK, dtype="bool")
    return found
