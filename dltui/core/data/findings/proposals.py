"""Turns findings into rows of a `review.csv`, which `--data drop=review.csv` then leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.data.findings.review import BROKEN, DUPLICATE, Opinion
from dltui.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.data.findings.record import Findings, Odd, Pair, Sample


def rows(found: Findings) -> list[Opinion]:
    """A row for each sample that should be left out: the other one of each pair, and what shows nothing."""
    pairs = [of_pair(pair, found.classes) for pair in found.pairs]
    return [*pairs, *(of_odd(odd, found.classes) for odd in found.odd)]


def of_pair(pair: Pair, classes: Sequence[str], turned: bool = False, mark: str = DUPLICATE) -> Opinion:
    """The row of the sample of a pair that is left out: `other`, or, `turned`, the one that was to be kept."""
    kept, other = (pair.other, pair.kept) if turned else (pair.kept, pair.other)
    alike = round(1 - min(pair.residue, 1.0), 4)
    said = class_name(kept, classes)
    place = f"{kept.split} {kept.id}"
    return Opinion(other.split, other.id, class_name(other, classes), said, alike, mark, other.name, place)


def of_odd(odd: Odd, classes: Sequence[str], mark: str = BROKEN) -> Opinion:
    """The row of a sample that looks broken; in place of another class it has the reason."""
    sample = odd.sample
    return Opinion(sample.split, sample.id, class_name(sample, classes), odd.why, 1.0, mark, sample.name)


def class_name(sample: Sample, classes: Sequence[str]) -> str:
    """The class of a sample, or its labels; "" for data without any."""
    known = (sample.label, *sample.labels)
    return "|".join(safe(classes[number]) for number in known if 0 <= number < len(classes))
