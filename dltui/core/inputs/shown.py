"""Samples with named inputs as they are kept beside predictions: texts, fields of a table, short lines of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract.inputs import LENGTH
from dltui.core.inputs.tokens import decode
from dltui.core.tasks import thumbnails
from dltui.core.text import clean_line, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract import Spec
    from dltui.core.contract.inputs import Input
    from dltui.core.contract.types import Array

POINTS, LINES = 64, 4
"""A line has at most so many points, and a sample so many lines."""
LONGEST = 600
"""The longest text in characters."""
MOST_FIELDS = 24


def of(x: Array, spec: Spec, rows: Array) -> dict[str, Array]:
    """`texts` (m,) as UTF-8, a line a field, `lines` float32 (m, lines, points), NaN behind the end of a sequence, with
    the `steps` (points,) that they show, and `thumbnails` of these rows of records, as far as the inputs have them.
    """
    chosen = x[rows]
    texts = [_text(sample, spec.named_inputs).encode() for sample in chosen]
    found: dict[str, Array] = {"texts": np.array(texts, np.bytes_)} if any(texts) else {}
    sequence = next((one for one in spec.named_inputs if one.features), None)
    if sequence is not None:
        found["steps"] = _steps(sequence)
        found["lines"] = _lines(chosen, sequence, found["steps"])
    image = next((one for one in spec.named_inputs if one.is_image), None)
    if image is not None:
        found["thumbnails"] = thumbnails.of(chosen[image.name], np.arange(len(chosen)))
    return found


def _text(sample: Array, named: Sequence[Input]) -> str:
    """The fields of a sample: `age 34`, `city Rome`, or its text."""
    fields: list[str] = []
    for one in named:
        values = sample[one.name]
        if one.padded and one.dtype == "int32" and len(one.shape) == 1:
            fields.append(shorten(clean_line(decode(values.tolist(), one)), LONGEST))
        elif one.dtype != "uint8" and not one.is_sequence and len(one.shape) < 2:
            fields += _fields(one, values.reshape(-1).tolist())
    return "\n".join(fields)


def _fields(one: Input, values: Sequence[float]) -> list[str]:
    shown = []
    for place, value in enumerate(values[:MOST_FIELDS]):
        name = one.places[place] if place < len(one.places) else f"{one.name} {place + 1}"
        shown.append(f"{clean_line(name, 60)} {_value(one, place, value)}")
    return shown


def _value(one: Input, place: int, value: float) -> str:
    if one.dtype == "float32":
        offset = one.offsets[place] if one.offsets else 0.0
        return f"{value + offset:.15g}" if offset else f"{value:.6g}"
    texts = one.texts[place] if place < len(one.texts) else ()
    return clean_line(texts[int(value)], 60) or "(unknown)" if int(value) < len(texts) else str(int(value))


def _steps(one: Input) -> Array:
    """The steps of a sequence that are shown: some where there are too many."""
    steps = one.shape[0]
    return np.unique(np.linspace(0, steps - 1, min(steps, POINTS)).round().astype(np.int64))


def _lines(chosen: Array, one: Input, places: Array) -> Array:
    """The first features at these steps."""
    values = chosen[one.name][:, places, :LINES].astype(np.float32)
    if one.padded:
        values[places >= chosen[one.name + LENGTH][:, None]] = np.nan
    lines: Array = np.ascontiguousarray(values.transpose(0, 2, 1))
    return lines
