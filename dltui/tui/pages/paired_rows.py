"""The rows of the page that compares two runs sample by sample: counts, test, list and picture; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw import paired
from dltui.tui.draw.picture import picture
from dltui.tui.draw.styled_text import Row, beside, cut, cut_left, fit, on, rule, window

if TYPE_CHECKING:
    from dltui.core.analysis.paired import Pair, Sample
    from dltui.tui.draw.styled_text import Look

HEAD = 4
"""Rows above the list: counts, test, divider, column heads."""
LEAST_LIST = 44
"""The least width in cells of the list beside a picture."""


def rows(found: Pair, side: int, at: int, width: int, height: int, look: Look) -> list[Row]:
    """The page: `side` (0 or 1) is the run that has the listed samples right, `at` the chosen sample."""
    samples = (found.first, found.second)[side]
    title = paired.side_title(found, side)
    other = paired.side_title(found, 1 - side)
    divider = rule(width, f"{title}; Tab: {other}")
    head: list[Row] = [_counts(found, width), [(f" {paired.verdict(found)}", "")], divider]
    if not samples:
        return [
            *(fit(row, width) for row in head),
            [(f" there is no sample that {found.names[side]} alone has right", "dim")],
        ]
    size = _image_size(width, height)
    pictured = size > 0 and any(sample.image is not None for sample in samples)
    left = size + 4 if pictured else 0
    shown = window(len(samples), at, max(height - HEAD, 1))
    listed: list[Row] = [[(f"   {paired.header(width - left - 3)}", "dim")]]
    for number in shown:
        row: Row = [
            (" › " if number == at else "   ", "accent bold"),
            *paired.line(found, samples[number], width - left - 3),
        ]
        row = fit(row, width - left)
        listed.append(on(row, "selected") if number == at else row)
    large = _large(found, side, samples[at], size, look) if pictured else []
    return [*(fit(row, width) for row in head), *beside([(large, left), (listed, width - left)], height - len(head))]


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
    right, wrong = found.names[side], found.names[1 - side]
    captions: list[Row] = [
        [(f"  {found.name(sample.true)}", "good bold"), (f"  {cut(right, size - 4)}", "dim")],
        [(f"  {found.name(sample.said)}", "validation"), (f"  {cut(wrong, size - 4)}", "dim")],
        [(f"  {cut_left(sample.name, size)}" if sample.name else f"  id {sample.id}", "dim")],
    ]
    return [fit(row, size + 4) for row in [*drawn, *captions]]
