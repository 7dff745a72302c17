"""Sequences as they were found, before they are divided and padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.inputs.numerals import as_number

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.core.inputs.numerals import Style


@dataclass(frozen=True)
class Found:
    """`steps` are float64 (steps, features) of each sequence, `targets` their texts or numbers; `number` reads such a
    text. `test` is the number of sequences at the end that are for testing, where the file says so, `validation` that
    of those before them for validation. `names` are the sequences' names, `places` the features', `styles` the ways in
    which their numbers are written, () where they are as programs write them.
    """

    where: str
    steps: Sequence[Array]
    targets: Sequence[str] | Sequence[float]
    places: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    test: int = 0
    validation: int = 0
    notes: tuple[str, ...] = ()
    styles: tuple[Style, ...] = ()
    number: Callable[[str], float | None] = as_number
