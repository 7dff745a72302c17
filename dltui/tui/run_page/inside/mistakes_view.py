"""The mistakes of a model: a large image with the prediction, beside it a list, or a grid of images where there is
room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.analysis.mistakes import Filter
from dltui.core.text import width as cells_of
from dltui.tui.draw.chart import draw
from dltui.tui.draw.picture import picture
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, bar, beside, cells, cut, cut_left, ends, fit, left, on, right
from dltui.tui.draw.wording import probability
from dltui.tui.run_page.inside.sequence import sequence_chart

if TYPE_CHECKING:
    from dltui.core.analysis.mistakes import Mistake, Mistakes
    from dltui.core.contract.types import Array
    from dltui.core.data.findings.review import Key, Opinion
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.inside.cursor import MistakeCursor
    from dltui.tui.run_page.inside.heat import Heat

GRID_FROM = 120
"""Columns from which on there is a grid."""
CELL, CELL_HEIGHT = 18, 11
MARK_STYLES = {"keep": "good", "wrong label": "bad", "ambiguous": "warn"}
SHORTEST_NAME = 6
CHANCES = 7
"""Rows below a text for its name and classes."""
LEAST_LIST, SMALLEST = 24, 8
"""The cells that a list needs, and the least of an image beside it."""
WITH_MARKS, WITH_CHANCES = 44, 24
"""The cells from which on a list says the marks in words, and there is room for probabilities below an image."""
WITH_IDS = 64
"""Columns from which on a list says the ids too; that of the large image always stands below it."""


class Places(NamedTuple):
    """The grid of mistakes: its columns and rows, and the cells of the large image with its text."""

    columns: int
    rows: int
    image: int
    detail: int

    @property
    def page(self) -> int:
        return self.columns * self.rows


def places(width: int, height: int, found: Mistakes) -> Places:
    """The layout for a tab of this size."""
    image = 56 if width >= 180 and height >= 40 else 28
    if not found.pictured and width >= GRID_FROM:
        # A text needs no more than the list leaves it.
        image = 56
    # An image is as high as half of its width, and the list beside it needs its room.
    image = max(min(image, width - LEAST_LIST - 4, 2 * (height - 1) if found.pictured else image), SMALLEST)
    detail = image + 4 if found.has_details and width >= LEAST_LIST + SMALLEST + 4 else 0
    if found.pictured and width >= GRID_FROM:
        return Places(max(1, (width - detail) // CELL), max(1, (height - 1) // CELL_HEIGHT), image, detail)
    return Places(1, max(1, height - 2), image, detail)


def mistakes(
    found: Mistakes | None,
    review: Mapping[Key, Opinion],
    state: MistakeCursor,
    width: int,
    height: int,
    look: Look,
    note: str,
    heat: Heat | None = None,
) -> list[Row]:
    """The title, the mistake under the cursor with its heat map, if wanted, and its neighbors."""
    if found is None:
        return [[], [(f"  {note}", "dim")]]
    shown = found.shown(state.filter)
    title = _title(found, review, state.filter, len(shown), width)
    if not shown:
        return [title, [], [(f"  {_nothing(found, state.filter)}", "dim")]]
    at, room = state.position(shown), places(width, height, found)
    if room.columns > 1 or (width >= GRID_FROM and found.pictured):
        first = at // room.page * room.page
        block = _grid(found, review, shown[first : first + room.page], at - first, room, look)
    else:
        first = min(max(at - room.rows // 2, 0), max(len(shown) - room.rows, 0))
        block = _list(found, review, shown[first : first + room.rows], at - first, width - room.detail)
    mark = _mark(found, review, shown[at])
    large = _large(found, mark, shown[at], room, height - 1, look, heat) if room.detail else []
    return [title, *beside([(large, room.detail), (block, width - room.detail)], height - 1)]


def _title(found: Mistakes, review: Mapping[Key, Opinion], which: Filter, count: int, width: int) -> Row:
    row: Row = [(" mistakes ", "heading"), (f" {found.split}, epoch {found.epoch}", "")]
    what = _filter(found, which)
    row += [("   only ", "dim"), (what, "accent bold"), (f": {count:,}", "")] if what else []
    marked = sum(opinion.split == found.split and bool(opinion.mark) for opinion in review.values())
    marks: Row = [(f"  {marked:,} marked ", "accent")] if marked else []
    end: Row = [*marks, (f"  {found.wrong:,} of {found.total:,} wrong ", "dim")]
    if cells(row + end) > width:
        end = [*marks, (f"  {found.wrong:,} wrong ", "dim")]
    if what and cells(row + end) > width:
        row = [(" only ", "dim"), (what, "accent bold"), (f": {count:,}", "")]
    more: Row = [("   most confident first", "dim")]
    return ends(row + more if cells(row + more + end) <= width else row, end, width)


def _filter(found: Mistakes, which: Filter) -> str:
    true = "" if which.true is None else found.name(which.true)
    said = "" if which.said is None else found.name(which.said)
    return f"{true or 'any'} → {said or 'any'}" if true or said else ""


def _nothing(found: Mistakes, which: Filter) -> str:
    if which != Filter():
        return f"no mistake is {_filter(found, which)}; f shows all"
    return f"nothing is wrong: all {found.total:,} are right"


def _mark(found: Mistakes, review: Mapping[Key, Opinion], mistake: Mistake) -> str:
    opinion = review.get((found.split, mistake.id))
    return opinion.mark if opinion else ""


def _pair(found: Mistakes, mistake: Mistake, room: int) -> Row:
    """The true and the predicted class: `Shirt → Coat`."""
    true, said = found.name(mistake.true), found.name(mistake.said)
    if cells_of(true) + cells_of(said) + 3 > room:
        half = max((room - 3) // 2, SHORTEST_NAME)
        true = cut(true, max(half, room - 3 - cells_of(said)))
        said = cut(said, max(room - 3 - cells_of(true), 1))
    return [(true, ""), (" → ", "dim"), (said, "validation")]


def _list(found: Mistakes, review: Mapping[Key, Opinion], shown: tuple[Mistake, ...], at: int, width: int) -> list[Row]:
    """A list of mistakes: true and predicted class, probability, id, mark."""
    wide = width >= WITH_IDS
    marks = width >= WITH_MARKS
    room = max(min(width - (32 if wide else 24 if marks else 12), 36), 12)
    head = "   " + left("true → predicted", room) + right("sure", 7) + (right("id", 8) if wide else "")
    head += "  mark" if marks else ""
    rows: list[Row] = [[(cut(head, width), "dim")]]
    for number, mistake in enumerate(shown):
        mark = _mark(found, review, mistake)
        row: Row = [(" › " if number == at else "   ", "accent bold")]
        row += fit(_pair(found, mistake, room), room)
        row.append((right(probability(mistake.probability), 7), "bold"))
        row += [(right(str(mistake.id), 8), "dim")] if wide else []
        row = fit([*row, (f"  {mark}" if marks else f" {mark[:1]}", MARK_STYLES.get(mark, ""))], width)
        rows.append(on(row, "selected") if number == at else row)
    return rows


def _large(
    found: Mistakes, mark: str, mistake: Mistake, room: Places, height: int, look: Look, heat: Heat | None
) -> list[Row]:
    """The image, and below it the likeliest classes."""
    pixels, speaks = found.images[mistake.image] if found.pictured else None, ""
    if heat is not None and pixels is not None:
        pixels, there = heat.over(mistake.id, pixels)
        speaks = f"for {found.name(mistake.true if heat.which else mistake.said)}" if there else "no heat map"
    rows: list[Row] = [[("  ", ""), *row] for row in _sample(found, mistake, pixels, room.image, height, look)]
    size = room.detail - 2
    marked = (f"   {mark}", f"{MARK_STYLES.get(mark, '')} bold".strip())
    called = cut_left(mistake.name, size - len(mark) - 3) if mistake.name else f"id {mistake.id}"
    # Which class a heat map is about says more than the name of the sample.
    rows.append([(f"  {cut(speaks, size - len(mark) - 3)}", "accent") if speaks else (f"  {called}", "dim"), marked])
    rest = height - len(rows) if size >= WITH_CHANCES else 0
    for number, chance in mistake.top[: max(rest, 0)]:
        rows.append(_chance(found.name(number), chance, number == mistake.true, size))
    if rest and mistake.true not in [number for number, _ in mistake.top] and rest > len(mistake.top):
        rows.append([(f"  true: {cut(found.name(mistake.true), size - 6)}, less likely", "good")])
    return [fit(row, room.detail) for row in rows]


def _sample(found: Mistakes, mistake: Mistake, pixels: Array | None, size: int, height: int, look: Look) -> list[Row]:
    """The input of a model: an image, the course of numbers, and the text or the fields of a row."""
    if pixels is not None:
        return picture(pixels, size, size // 2, look)
    rows: list[Row] = []
    if len(found.lines):
        chart = sequence_chart(found.lines[mistake.image], found.steps)
        rows += draw(chart, size, max(min(size // 3, height // 2), 6), look)
    if found.texts:
        most = max(height - len(rows) - CHANCES, 3)
        written = found.texts[mistake.image].split("\n")
        wrapped = [line for text in written if text.strip() for line in pieces(text.strip(), size)]
        rows += [[(line, "")] for line in wrapped[:most]]
        if len(wrapped) > most:
            rows[-1] = [(left(cut(wrapped[most - 1], size - 2), size - 2) + " …", "")]
    return rows


def _chance(name: str, chance: float, true: bool, size: int) -> Row:
    """A class with its probability: `Shirt ━━━━━─── 62 %`; the true class is labeled, not only colored."""
    label = 12 if size < 40 else 20
    length = size - label - 13
    row: Row = [("  " + left(name, label), "good bold" if true else "")]
    row += [*bar(chance, max(length, 3), "good" if true else "validation"), (right(probability(chance), 7), "")]
    return [*row, (" true" if true else "", "good")]


def _grid(
    found: Mistakes, review: Mapping[Key, Opinion], shown: tuple[Mistake, ...], at: int, room: Places, look: Look
) -> list[Row]:
    rows: list[Row] = []
    for first in range(0, len(shown), room.columns):
        line = shown[first : first + room.columns]
        blocks = [
            (_thumbnail(found, _mark(found, review, mistake), mistake, number == at, look), CELL)
            for number, mistake in enumerate(line, first)
        ]
        rows += beside(blocks, CELL_HEIGHT)
    return rows


def _thumbnail(found: Mistakes, mark: str, mistake: Mistake, chosen: bool, look: Look) -> list[Row]:
    """An image; below it the true class, the predicted class with its probability, and the mark."""
    size = CELL - 2
    image = picture(found.images[mistake.image], size, CELL_HEIGHT - 3, look)
    gap = (size - cells(image[0])) // 2
    rows: list[Row] = [[(" " * (1 + gap), ""), *row] for row in image]
    rows += [[] for _ in range(CELL_HEIGHT - 3 - len(rows))]
    chance = probability(mistake.probability)
    said = cut(found.name(mistake.said), size - 3 - len(chance))
    below: list[Row] = [
        [("›" if chosen else " ", "accent bold"), (found.name(mistake.true), "bold" if chosen else "")],
        [(" → ", "dim"), (said, "validation"), (f" {chance}", "dim")],
        [(f" {mark}", MARK_STYLES.get(mark, ""))],
    ]
    captions = [fit(row, CELL - 1) for row in below]
    return [*rows, *(on(row, "selected") if chosen else row for row in captions[:2]), captions[2]]
