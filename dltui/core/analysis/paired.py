"""Compares two runs sample by sample on the same test split: which one is right where the other is wrong, and whether
that could be chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.confusion import labels_of
from dltui.core.analysis.evaluation import damage_as_error
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.analysis.mistakes import Mistakes
    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

SIGNIFICANT = 0.05
MOST_WHOLE = 500
"""The samples up to which whole numbers are quick enough for a screen."""
_NOTHING = 1e-17
"""A term of a sum that is smaller changes none of its digits."""


@dataclass(frozen=True)
class Sample:
    """A test sample that one run has right and the other wrong: `said` is the wrong class with its `probability`,
    `image` its place among the images of the run that is wrong, None where that has kept none.
    """

    id: int
    true: int
    said: int
    probability: float
    image: int | None
    name: str = ""


@dataclass(frozen=True)
class Pair:
    """The test samples of two runs, by who has them right. `first` are right in the first run alone, `second` in the
    second alone; the mistake with most confidence comes first.
    """

    names: tuple[str, str]
    classes: tuple[str, ...]
    both: int
    neither: int
    first: tuple[Sample, ...]
    second: tuple[Sample, ...]
    images: tuple[Any, Any] = field(compare=False, repr=False)
    """The images of the mistakes of the second run (for `first`) and of the first run (for `second`)."""

    @property
    def total(self) -> int:
        return self.both + self.neither + len(self.first) + len(self.second)

    @cached_property
    def p(self) -> float:
        return mcnemar(len(self.first), len(self.second))

    def name(self, number: int) -> str:
        """The name of a class."""
        return self.classes[number] if number < len(self.classes) else str(number)


def mcnemar(first: int, second: int) -> float:
    """The p-value of McNemar's exact test: how likely the samples that one of two equally good models alone has right
    are shared out at least as unevenly. By whole numbers while these are small, else to nine digits.
    """
    total, less = first + second, min(first, second)
    if total <= MOST_WHOLE:
        # Two sides of a symmetric distribution; they overlap where both are equal.
        return min(1.0, 2 * sum(math.comb(total, k) for k in range(less + 1)) / (1 << total))
    # The largest term of the sum; the others are known fractions of it.
    log = math.lgamma(total + 1) - math.lgamma(less + 1) - math.lgamma(total - less + 1) - total * math.log(2)
    term = tail = 1.0
    for k in range(less, 0, -1):
        term *= k / (total - k + 1)
        tail += term
        if term < _NOTHING * tail:
            break
    return min(1.0, 2 * tail * math.exp(log))


def pair(first: RunReader, second: RunReader) -> Pair:
    """The comparison of two refreshed readers. Raises UsageError where they have no test split in common, RunError for
    damaged predictions.
    """
    one, other = (_arrays(reader) for reader in (first, second))
    _check_same(first, second, one, other)
    attempt = first.history.attempt
    known = attempt.dataset.get("classes") or () if attempt else ()
    with damage_as_error():
        labels, _, classes = labels_of(one, known)
        right = [arrays["top"][:, 0] == labels for arrays in (one, other)]
        alone = (right[0] & ~right[1], right[1] & ~right[0])
        return Pair(
            names=_names(first, second),
            classes=classes,
            both=int((right[0] & right[1]).sum()),
            neither=int((~right[0] & ~right[1]).sum()),
            first=_samples(other, alone[0], known),
            second=_samples(one, alone[1], known),
            images=(_mistakes(other, known).images, _mistakes(one, known).images),
        )


def _names(first: RunReader, second: RunReader) -> tuple[str, str]:
    """The display names; the ids where those are the same."""
    one, two = (clean_line(reader.labels["name"], 100) for reader in (first, second))
    if one != two:
        return one, two
    return clean_line(first.directory.id, 100), clean_line(second.directory.id, 100)


def _arrays(reader: RunReader) -> dict[str, Array]:
    name = clean_line(reader.directory.id, 100)
    arrays = reader.predictions("test") if reader.history.test else None
    if arrays is None:
        raise UsageError(f"{name} has no test result yet: only runs that are finished compare sample by sample")
    if "labels" not in arrays:
        raise UsageError(f"{name} is no classification with one class a sample: only those compare sample by sample")
    return arrays


def _check_same(first: RunReader, second: RunReader, one: dict[str, Array], other: dict[str, Array]) -> None:
    """Raise UsageError where the test samples are not the same."""
    import numpy as np

    prints = [str(r.history.attempt.dataset.get("fingerprint")) if r.history.attempt else "" for r in (first, second)]
    differ = ["fingerprints"] if prints[0] != prints[1] else []
    differ += [name for name in ("ids", "labels") if not np.array_equal(one[name], other[name])]
    if differ:
        names = [clean_line(reader.directory.id, 100) for reader in (first, second)]
        why = f"{' and '.join(differ)} differ"
        raise UsageError(f"{names[0]} and {names[1]} have other test samples ({why}): nothing to pair")


def _mistakes(arrays: dict[str, Array], known: Sequence[object]) -> Mistakes:
    from dltui.core.analysis import mistakes

    return mistakes.find(arrays, known)


def _samples(arrays: dict[str, Array], chosen: Array, known: Sequence[object]) -> tuple[Sample, ...]:
    """The chosen samples, all of them wrong in these arrays: first those with an image, by confidence."""
    import numpy as np

    kept = arrays["wrong"]
    names = {mistake.image: mistake.name for mistake in _mistakes(arrays, known).all}
    pictured = [(int(row), place) for place, row in enumerate(kept.tolist()) if chosen[row]]
    rest = np.setdiff1d(np.flatnonzero(chosen), kept)
    rest = rest[np.argsort(-arrays["probabilities"][rest, 0], kind="stable")]
    rows: list[tuple[int, int | None]] = [*pictured, *((int(row), None) for row in rest)]
    return tuple(
        Sample(
            id=int(arrays["ids"][row]),
            true=int(arrays["labels"][row]),
            said=int(arrays["top"][row, 0]),
            probability=float(arrays["probabilities"][row, 0]),
            image=place if place is not None and len(arrays["thumbnails"]) == len(kept) else None,
            name=names.get(place, "") if place is not None else "",
        )
        for row, place in rows
    )
