"""The tabs of a multi-label run fill their room, and a cursor chooses a label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltui.core.analysis import labels
from dltui.core.analysis.inside.heat_maps import HeatMaps
from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_page.inside.heat import Heat
from dltui.tui.run_page.inside.labels import LabelCursor, precision_recall, table, wrong
from tests.core.analysis.test_labels import made

FOUND = labels.find(made(count=30), [f"label number {n}" for n in range(30)], made("validation", 1, 30))


@pytest.mark.parametrize(("width", "height"), [(80, 12), (120, 30), (40, 3)])
def test_rows_fit(width: int, height: int) -> None:
    for rows in (table(FOUND, LabelCursor(), width, height), wrong(FOUND, LabelCursor(), width, height)):
        assert len(rows) <= height
        assert all(cells(row) == width for row in rows)
    drawn = precision_recall(FOUND, LabelCursor(), width, max(height, 8), Look())
    assert len(drawn) == max(height, 8)


def test_the_curve_of_a_label_that_is_always_told_right_stays_at_the_top() -> None:
    """Although its precision falls at the end, where the recall is whole."""
    arrays = made(count=1)
    perfect = labels.find({**arrays, "chances": np.where(arrays["present"], 0.9, 0.1)}, ["one"])
    rows = plain(precision_recall(perfect, LabelCursor(), 100, 20, Look()))
    lines = [row for row in rows[1:-3] if any(0x2800 < ord(letter) < 0x2900 for letter in row)]
    assert [row.strip()[:3] for row in lines[:1]] == ["100"]
    assert len(lines) == 2, "the curve and what chance gives"


def test_the_image_of_the_chosen_sample_stands_beside_the_list() -> None:
    pictured = replace(FOUND, images=np.full((len(FOUND.wrong), 8, 8, 3), 200, np.uint8))
    rows = wrong(pictured, LabelCursor(), 100, 20, Look(ascii=True))
    assert all(cells(row) == 100 for row in rows)
    text = plain(rows)
    assert text[2].startswith("  #####")
    assert f"id {FOUND.wrong[0].id}" in "\n".join(text)
    ids = np.array([one.id for one in FOUND.wrong[:1]])
    maps = HeatMaps(ids, np.array([[2, 5]]), np.zeros((1, 2, 3, 3)), np.zeros((1, 8, 8, 1), np.uint8), {int(ids[0]): 0})
    said = plain(wrong(pictured, LabelCursor(), 100, 20, Look(ascii=True), Heat(maps, 1)))
    assert "  for label number 5" in "\n".join(said)
    cursor = LabelCursor()
    cursor.move(1, len(FOUND.wrong))
    assert "no heat map" in "\n".join(plain(wrong(pictured, cursor, 100, 20, Look(ascii=True), Heat(maps, 0))))
    assert wrong(pictured, cursor, 50, 20, Look()) == wrong(FOUND, cursor, 50, 20), "no room"


def test_the_cursor_stays_on_the_list_and_is_shown() -> None:
    cursor = LabelCursor()
    cursor.move(100, len(FOUND.scores))
    text = "\n".join(plain(table(FOUND, cursor, 120, 12)))
    assert "› label number 29" in text
    assert "thresholds chosen on validation" in text
    assert "label number 29" in plain(precision_recall(FOUND, cursor, 100, 12, Look()))[0]
    cursor.move(-100, len(FOUND.scores))
    assert cursor.at == 0


def test_mistakes_tell_what_was_missed_and_what_is_not_so() -> None:
    lines = plain(wrong(FOUND, LabelCursor(), 160, 6))
    assert "of 200 samples with a wrong label" in lines[0]
    assert "  - label number" in lines[2] or "  + label number" in lines[2]
