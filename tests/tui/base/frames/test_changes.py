"""The cells of a row that have changed: a terminal that has the old row and is given them shows the new row."""

from __future__ import annotations

from itertools import pairwise

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from dltui.tui.base.frames.changes import GAP, Cells, cells_of, changes
from dltui.tui.draw.styled_text import Row, fit, merge
from dltui.tui.terminal.theme import Palette
from dltui.tui.terminal.theme_colors import DARK, PLAIN
from tests.helpers.marks import examples

WIDTH = 24
STYLES = ("", "dim", "train", "bold", "selected", "heat:0.4", "underline", "reverse", "accent selected", "rule")
texts = st.text(alphabet="ab   ─⣿·", min_size=1, max_size=9)
rows = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=7).map(lambda row: fit(row, WIDTH))


def shown(row: Row, palette: Palette) -> str:
    return "".join(
        Strip.render_style(Style(bgcolor="black") + palette.style(words), text, ColorSystem.TRUECOLOR)
        for text, words in row
    )


def picture(output: str) -> list[object]:
    """What can be seen of the first line."""
    screen = pyte.Screen(WIDTH, 1)
    pyte.Stream(screen).feed(output)
    seen: list[object] = []
    for column in range(WIDTH):
        cell = screen.buffer[0][column]
        lines = (cell.underscore, cell.strikethrough, cell.reverse)
        ink = (cell.fg, cell.bold) if cell.data != " " or any(lines) else None
        seen.append((cell.data, cell.bg, lines, ink))
    return seen


@settings(max_examples=examples(300))
@given(rows, rows, st.sampled_from([DARK, PLAIN]))
def test_the_changed_cells_make_the_new_row_of_the_old_one(old: Row, new: Row, theme: str) -> None:
    palette = Palette(theme)
    before, after = cells_of(old), cells_of(new)
    assert before is not None
    assert after is not None
    found = changes(before, after, palette.ground)
    parts = [f"\x1b[1;{first + 1}H{shown(after.part(first, last), palette)}" for first, last in found]
    assert picture(shown(old, palette) + "".join(parts)) == picture(shown(new, palette))
    # Rising, and with gaps between them that are worth a move.
    for (_, end), (start, _) in pairwise(found):
        assert start - end > GAP


@given(rows)
def test_a_row_consists_of_its_cells(row: Row) -> None:
    cells = cells_of(row)
    assert cells is not None
    assert len(cells.letters) == cells.ends[-1] == WIDTH
    assert cells.part(0, WIDTH) == merge(row)
    assert changes(cells, cells, Palette(DARK).ground) == []


def test_a_blank_in_another_color_has_not_changed() -> None:
    old, new = cells_of([("a  b", "train")]), cells_of([("a", "train"), ("  ", "bad"), ("b", "train")])
    assert isinstance(old, Cells)
    assert isinstance(new, Cells)
    assert changes(old, new, Palette(DARK).ground) == []
    chosen = cells_of([("a", "train"), ("  ", "selected"), ("b", "train")])
    assert isinstance(chosen, Cells)
    assert changes(old, chosen, Palette(DARK).ground) == [(1, 3)]


def test_only_letters_of_one_cell_have_cells_of_their_own() -> None:
    assert cells_of([("漢字", "")]) is None
    assert cells_of([("e\u0301", "")]) is None
    # As many letters as cells, but at other places.
    assert cells_of([("漢e\u0301", "")]) is None
    assert cells_of([("  ", "image:3:0")]) is None
