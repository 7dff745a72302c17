"""Two runs sample by sample, as rows: the counts with their test, and lists of samples that one run alone has right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.paired import SIGNIFICANT
from dltui.core.text import plural
from dltui.tui.draw.styled_text import Row, cut, fit, left, right
from dltui.tui.draw.wording import probability

if TYPE_CHECKING:
    from dltui.core.analysis.paired import Pair, Sample

LONGEST_CLASS = 22


def counts(found: Pair, width: int) -> list[Row]:
    """The four counts, and what they say about the difference."""
    one, two = (cut(name, max((width - 40) // 2, 8)) for name in found.names)
    known = {
        "both right": found.both,
        f"only {one} right": len(found.first),
        f"only {two} right": len(found.second),
        "both wrong": found.neither,
    }
    head: Row = [(f"{plural(found.total, 'test sample')}", "heading")]
    size = max(map(len, known))
    rows: list[Row] = [head]
    rows += [[(left(name, size), ""), (right(f"{count:,}", 9), "bold")] for name, count in known.items()]
    return [fit(row, width) for row in [*rows, [(verdict(found), "")]]]


def verdict(found: Pair) -> str:
    """The result of McNemar's test in words."""
    differ = len(found.first) != len(found.second)
    if found.p < SIGNIFICANT and differ:
        better = found.names[len(found.second) > len(found.first)]
        said = f"{better} is better"
    else:
        said = "the difference could be chance"
    return f"McNemar's exact test: p = {_p(found.p)}: {said}"


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-99 else "less than 1e-99"


def side_title(found: Pair, side: int) -> str:
    """The title of the samples that the run `side` (0 or 1) alone has right."""
    samples = (found.first, found.second)[side]
    return f"right in {found.names[side]} only: {len(samples):,}"


def listed(found: Pair, side: int, width: int, most: int) -> list[Row]:
    """The title and the first samples of a side: their true class, what the other run takes them for."""
    samples = (found.first, found.second)[side]
    rows: list[Row] = [[(side_title(found, side), "heading")]]
    if samples:
        rows.append([(header(width), "dim")])
    rows += [line(found, sample, width) for sample in samples[:most]]
    if len(samples) > most:
        rows.append([(f"and {len(samples) - most:,} more", "dim")])
    return [fit(row, width) for row in rows]


def _class_size(width: int) -> int:
    return max(min((width - 20) // 2, LONGEST_CLASS), 6)


def header(width: int) -> str:
    """The heads of the columns of `line`."""
    size = _class_size(width)
    return left("true", size) + left(" other says", size + 1) + right("sure", 8) + right("id", 9)


def line(found: Pair, sample: Sample, width: int) -> Row:
    """A sample: its true class, the class that the other run gives it and how sure it is, its id and name."""
    size = _class_size(width)
    row: Row = [(left(found.name(sample.true), size), ""), (" ", "")]
    row += [(left(found.name(sample.said), size), "validation"), (right(probability(sample.probability), 8), "bold")]
    return [*row, (right(str(sample.id), 9), "dim"), (f"  {sample.name}" if sample.name else "", "dim")]
