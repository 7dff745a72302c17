"""Sequences as they were found, before they are divided and padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class Found:
    """`steps` are float64 (steps, features) of each sequence, `targets` their texts or numbers. `test` is the number of
    sequences at the end that are for testing, where the file says so. `names` are the sequences' names, `places` the
    features'.
    """

    where: str
    steps: Sequence[Array]
    targets: Sequence[str] | Sequence[float]
    places: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    test: int = 0
    notes: tuple[str, ...] = ()
