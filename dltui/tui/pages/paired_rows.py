"""The rows of two runs sample by sample, for the page and the command line: counts, test, lists, picture; pure
functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.analysis.paired import SIGNIFICANT
from dltui.core.text import plural
from dltui.core.text import width as cells_of
from dltui.tui.draw.picture import picture
from dltui.tui.draw.styled_text import Row, beside, cut, cut_left, fit, left, on, right, rule, window
from dltui.tui.draw.wording import probability

if TYPE_CHECKING:
    from dltui.core.analysis.paired import Pair, Sample
    from dltui.tui.draw.styled_text import Look

LONGEST_CLASS = 22
HEAD = 4
"""Rows above the list: counts, test, divider, column heads."""
LEAST_LIST = 44
"""The least width in cells of the list beside a picture."""
LEAST_WORDS = 70
"""The columns from which on the counts are told in full."""


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
    size = max(map(cells_of, known))
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


def rows(found: Pair, side: int, at: int, width: int, height: int, look: Look) -> list[Row]:
    """The page: `side` (0 or 1) is the run that has the listed samples right, `at` the chosen sample."""
    samples = (found.first, found.second)[side]
    title = side_title(found, side)
    other = side_title(found, 1 - side)
    divider = rule(width, f"{title}; Tab: {other}")
    head: list[Row] = [_counts(found, width), [(f" {verdict(found)}", "")], divider]
    if not samples:
        return [
            *(fit(row, width) for row in head),
            [(f" there is no sample that {found.names[side]} alone has right", "dim")],
        ]
    size = _image_size(width, height)
    pictured = size > 0 and any(sample.image is not None for sample in samples)
    beside_it = size + 4 if pictured else 0
    shown = window(len(samples), at, max(height - HEAD, 1))
    listed: list[Row] = [[(f"   {header(width - beside_it - 3)}", "dim")]]
    for number in shown:
        row: Row = [
            (" › " if number == at else "   ", "accent bold"),
            *line(found, samples[number], width - beside_it - 3),
        ]
        row = fit(row, width - beside_it)
        listed.append(on(row, "selected") if number == at else row)
    large = _large(found, side, samples[at], size, look) if pictured else []
    return [
        *(fit(row, width) for row in head),
        *beside([(large, beside_it), (listed, width - beside_it)], height - len(head)),
    ]


def _image_size(width: int, height: int) -> int:
    """The columns of the picture; 0 where there is no room for one."""
    size = 56 if width >= 160 and height >= 36 else 28
    return size if width - size - 4 >= LEAST_LIST else 0


def _counts(found: Pair, width: int) -> Row:
    counts = (
        (found.both, "both right"),
        (len(found.first), ""),
        (len(found.second), ""),
        (found.neither, "both wrong"),
    )
    if width < LEAST_WORDS:
        names = [cut(name, max((width - 30) // 2, 4)) for name in found.names]
        words = ["both", *names, "none"]
    else:
        names = [cut(name, max((width - 50) // 2, 6)) for name in found.names]
        words = [counts[0][1], f"only {names[0]}", f"only {names[1]}", counts[3][1]]
    row: Row = []
    for (count, _), word in zip(counts, words, strict=True):
        row += [(f" {count:,}", "bold"), (f" {word}  ", "")]
    return row


def _large(found: Pair, side: int, sample: Sample, size: int, look: Look) -> list[Row]:
    """The picture of a sample; below it its classes and its name."""
    drawn: list[Row] = []
    if sample.image is not None:
        drawn = [[("  ", ""), *row] for row in picture(found.images[side][sample.image], size, size // 2, look)]
    one, other = found.names[side], found.names[1 - side]
    captions: list[Row] = [
        [(f"  {found.name(sample.true)}", "good bold"), (f"  {cut(one, size - 4)}", "dim")],
        [(f"  {found.name(sample.said)}", "validation"), (f"  {cut(other, size - 4)}", "dim")],
        [(f"  {cut_left(sample.name, size)}" if sample.name else f"  id {sample.id}", "dim")],
    ]
    return [fit(row, size + 4) for row in [*drawn, *captions]]
