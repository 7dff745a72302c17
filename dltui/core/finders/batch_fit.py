"""The batch size that fits: the largest power of two that the memory and the number of samples allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

STEPS_AN_EPOCH = 10
"""With fewer steps an epoch, training hardly moves."""
MARGIN = 8
"""Trials have an eighth more samples than the batch that they stand for: memory is never the same twice."""
FIRST = 32
"""The batch of the first trial."""

Trial = Callable[[int], bool]
"""Trains a moment with so many samples a step: False where memory does not suffice."""


@dataclass(frozen=True)
class Found:
    """A batch size, and the limit that keeps it from being larger: "memory", or "steps" an epoch."""

    batch: int
    limit: str


def most(samples: int, highest: int, least: int = 1) -> int:
    """The largest power of two that leaves STEPS_AN_EPOCH steps an epoch, and is at most `highest`; `least`, itself a
    power of two, where that would be fewer.
    """
    return max(power_of_two(max(min(samples // STEPS_AN_EPOCH, highest), 1)), least)


def power_of_two(number: int) -> int:
    """The largest power of two that is at most `number`, which is at least 1."""
    return 1 << (number.bit_length() - 1)


def search(fits: Trial, highest: int, least: int = 1) -> Found | None:
    """The largest power of two from `least` to `highest` (both powers of two) that fits with a margin: doubling from
    FIRST on, or halving where that does not fit. None where not even `least` does.
    """
    batch = min(max(FIRST, least), highest)
    if not _with_margin(fits, batch):
        while batch > least:
            batch //= 2
            if _with_margin(fits, batch):
                return Found(batch, "memory")
        return None
    while batch < highest:
        if not _with_margin(fits, 2 * batch):
            return Found(batch, "memory")
        batch *= 2
    return Found(batch, "steps")


def _with_margin(fits: Trial, batch: int) -> bool:
    return fits(batch + batch // MARGIN)


def estimate(needed: Callable[[int], int], available: int, highest: int, least: int = 1) -> Found | None:
    """The same by an estimate of the bytes that a batch needs, where half of what is available may be taken: an
    estimate knows little, and other programs want memory too."""
    return search(lambda batch: needed(batch) <= available // 2, highest, least)
