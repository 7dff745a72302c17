"""The rows of the page Data: a list of pairs and odd samples, their pictures side by side, and the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.core.data.findings import proposals
from dltui.core.data.findings.record import line
from dltui.core.text import safe
from dltui.tui.draw.picture import picture
from dltui.tui.draw.styled_text import Row, bar, beside, cut, cut_left, fit, left, on, right, rule, window

if TYPE_CHECKING:
    from dltui.core.data.findings.ask import Looked
    from dltui.core.data.findings.record import Findings, Odd, Pair, Sample
    from dltui.core.data.findings.review import Key, Opinion
    from dltui.tui.draw.styled_text import Look

HEAD = 2
"""Rows above the list: the findings in a line, a divider."""
WIDE, HIGH = 160, 36
"""The size from which on pictures are drawn twice as large."""
LEAST_LIST = 18
MARK = 2


@dataclass(frozen=True)
class Item:
    """A finding: a pair of samples, of which `other` is left out unless it is turned, or a sample that is odd."""

    found: Pair | Odd
    classes: tuple[str, ...]
    is_turned: bool = False

    @property
    def is_pair(self) -> bool:
        return hasattr(self.found, "kept")

    def turned(self) -> Item:
        """The pair with its other sample left out; an odd sample as it is."""
        return replace(self, is_turned=not self.is_turned) if self.is_pair else self

    @cached_property
    def opinion(self) -> Opinion:
        """The row of a review that leaves the sample out."""
        if self.is_pair:
            return proposals.of_pair(self.found, self.classes, self.is_turned)  # type: ignore[arg-type]
        return proposals.of_odd(self.found, self.classes)  # type: ignore[arg-type]

    @property
    def samples(self) -> list[tuple[str, Sample]]:
        """The samples with the word above each: the one that is left out first."""
        if not self.is_pair:
            return [("leave out", self.found.sample)]  # type: ignore[union-attr]
        pair: Pair = self.found  # type: ignore[assignment]
        other, kept = (pair.kept, pair.other) if self.is_turned else (pair.other, pair.kept)
        return [("leave out", other), ("keep", kept)]

    @property
    def what(self) -> str:
        return self.found.kind if self.is_pair else self.found.why  # type: ignore[union-attr]


def items(found: Findings) -> list[Item]:
    """The findings one by one: pairs across splits first, odd samples last."""
    every: list[Pair | Odd] = [*found.pairs, *found.odd]
    return [Item(one, found.classes) for one in every]


def rows(
    looked: Looked, found: Sequence[Item], marks: Mapping[Key, Opinion], at: int, width: int, height: int, look: Look
) -> list[Row]:
    """The page: the list, and beside it the pictures of the samples of the chosen finding."""
    marked = sum(item.opinion.key in marks for item in found)
    title = f"{at + 1:,} of {len(found):,}, {marked:,} marked"
    head = [fit([(f" {line(looked.findings)}", "")], width), rule(width, title)]
    if not found:
        return [*head, [(" nothing was found; Tab shows the classes", "dim")]]
    room = height - HEAD
    size = 56 if width >= WIDE and height >= HIGH else 28
    pictured = looked.data.spec.is_image and width - 2 * (size + 1) >= LEAST_LIST
    beside_it = 2 * (size + 1) if pictured else 0
    listed = [
        _line(found[number], found[number].opinion.key in marks, number == at, width - beside_it)
        for number in window(len(found), at, room)
    ]
    large = _pictures(looked, found[at], size, look) if pictured else []
    return [*head, *beside([(listed, width - beside_it), (large, beside_it)], room)]


def _line(item: Item, marked: bool, chosen: bool, width: int) -> Row:
    """A finding: its mark, its kind, the sample that is left out, and where there is room the one that is kept."""
    row: Row = [("›" if chosen else " ", "accent bold"), ("✓" if marked else " ", "good bold"), (" ", "")]
    samples = [sample for _, sample in item.samples]
    leaks = len({sample.split for sample in samples}) > 1
    row += [(left(item.what if item.is_pair else "odd", 6), "warn" if leaks else "dim"), (" ", "")]
    row += [(left(_place(samples[0]), 17 if width >= 50 else 13 if width >= 34 else max(width - 10, 8)), "")]
    if len(samples) > 1:
        row += [(left(f"= {_place(samples[1])}", 20), "dim")]
        row += [(right(f"{100 * item.found.residue:.1f} %", 7), "")]  # type: ignore[union-attr]
    else:
        row += [(left(item.what, 27), "warn")]
    row += [(f"  {proposals.class_name(samples[0], item.classes)}", "")]
    row = fit(row, width)
    return on(row, "selected") if chosen else row


def _place(sample: Sample) -> str:
    return f"{sample.split} {sample.id}"


def _pictures(looked: Looked, item: Item, size: int, look: Look) -> list[Row]:
    """The pictures of the samples side by side, with their split, class and name below."""
    blocks = [(_picture(looked, word, sample, item, size, look), size + 1) for word, sample in item.samples]
    return beside(blocks, max(len(block) for block, _ in blocks))


def _picture(looked: Looked, word: str, sample: Sample, item: Item, size: int, look: Look) -> list[Row]:
    from dltui.core.tasks import thumbnails

    split = looked.data.split(sample.split)  # type: ignore[arg-type]
    drawn: list[Row] = []
    if 0 <= sample.row < len(split):
        image = thumbnails.of(split.x, [sample.row])[0]  # type: ignore[arg-type]
        drawn = [[(" ", ""), *row] for row in picture(image, size, size // 2, look)]
    style = "bad bold" if word == "leave out" else "good bold"
    label = proposals.class_name(sample, item.classes)
    other = next((one for _, one in item.samples if one is not sample), sample)
    captions: list[Row] = [
        [(f" {word}", style), (f"  {_place(sample)}", "")],
        [(f" {label}", "" if sample.is_labeled_as(other) else "bad bold")],
    ]
    if sample.name:
        captions.append([(f" {cut_left(safe(sample.name), size - 1)}", "dim")])
    if not item.is_pair:
        captions.append([(f" {item.what}", "warn")])
    return [fit(row, size + 1) for row in [*drawn, *captions]]


def classes(found: Findings, width: int, height: int) -> list[Row]:
    """The samples of each class in each split, with a bar for those that are trained on."""
    head = [fit([(f" {line(found)}", "")], width), rule(width, "samples of each class")]
    if not found.per_class:
        sizes = ", ".join(f"{count:,} {split}" for split, count in found.sizes.items())
        return [*head, fit([(f" {sizes} samples", "")], width)]
    numbers = 12
    size = max(width - 26 - numbers * len(found.per_class), 8)
    table = [fit([(left(" class", 24), "dim"), (" " * size, ""),
                  *((right(split, numbers), "dim") for split in found.per_class)], width)]  # fmt: skip
    most = max(found.per_class["train"]) or 1
    for number, name in enumerate(found.classes[: max(height - HEAD - 2, 1)]):
        counts = [counts[number] for counts in found.per_class.values()]
        row: Row = [(left(f" {cut(safe(name), 22)}", 24), ""), *bar(counts[0] / most, size)]
        table.append(fit([*row, *((right(f"{count:,}", numbers), "") for count in counts)], width))
    more = len(found.classes) - (len(table) - 1)
    return [*head, *table, *([fit([(f" and {more:,} more", "dim")], width)] if more > 0 else [])]
