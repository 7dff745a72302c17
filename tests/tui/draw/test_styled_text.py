"""Rows of styled text: whatever was put into one, no control character leaves it."""

from __future__ import annotations

from dltui.tui.draw.styled_text import cells, fit, plain


def test_no_control_character_passes_the_last_way_to_a_screen() -> None:
    row = fit([("a  b\x1b]52;c;x\x07\ny", "dim"), ("⣿…", "")], 40)
    assert plain([row]) == ["a  b\\x1b]52;c;x\\x07 y⣿…".ljust(40)]
    assert cells(row) == 40
