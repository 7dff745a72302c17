"""Named inputs: the parts of a sample that is more than a single array, or a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LENGTH = "_length"
"""The end of the name under which a padded input's lengths are kept."""
MASK = "_mask"
"""The end of the name under which a model gets the mask of a padded input."""


@dataclass(frozen=True)
class Input:
    """A named input. A sample has `shape` values of this type: int32 are numbers of categories or tokens, uint8 is an
    image (height, width, channels).

    `vocabulary` says how many different values an int32 input has, from 0 on: one number for all, or one for each
    place of the shape. `padded` inputs are sequences whose samples may be shorter than `shape[0]`: a model gets
    NAME_mask beside them, True where there is a value; the rest is 0. Backends feed (x - mean) / std, which have
    one value a channel (the last axis), or one for all. `places` names the places of a row of a table, or the
    column of a text, `texts` what the values of each vocabulary stand for, `tokens` how a text was cut into tokens,
    for people and for `dltui predict`. It reads the numbers of a row as training did: each place can have what is
    taken from it (`offsets`, one value a channel), what then fills a gap (`fills`), and how its numbers are written
    (`styles`). `gaps` says which number of its vocabulary a category without a value has, 0 for none of its own.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: Literal["float32", "int32", "uint8"] = "float32"
    vocabulary: tuple[int, ...] = ()
    padded: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    places: tuple[str, ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()
    tokens: Literal["", "byte", "word"] = ""
    offsets: tuple[float, ...] = ()
    fills: tuple[float, ...] = ()
    styles: tuple[Literal["point", "comma", "grouped"], ...] = ()
    gaps: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Input:
        """The input that JSON holds; unknown fields are dropped."""
        known = {name: _tuples(record[name]) for name in cls.__dataclass_fields__ if name in record}
        return cls(**known)

    @property
    def is_image(self) -> bool:
        return self.dtype == "uint8" and len(self.shape) == 3

    @property
    def is_sequence(self) -> bool:
        """True for padded tokens, (time,), and for features over time, (time, features), padded or not. Whole numbers
        that are not padded are categories.
        """
        return self.padded or (len(self.shape) == 2 and self.dtype == "float32")

    @property
    def features(self) -> int:
        """The float32 values of a step of a sequence; 0 for tokens."""
        return self.shape[-1] if self.dtype == "float32" and len(self.shape) == 2 else 0


def table_of(dataset: Mapping[str, Any]) -> tuple[Input, ...]:
    """The columns of a table whose rows are a single input, as training read them, of the data that a log names; () for
    all other data.
    """
    if dataset.get("named_inputs"):
        return ()
    known = ((dataset.get("inputs") or {}).get("table") or {}).get("inputs") or ()
    return tuple(map(Input.from_json, known))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
