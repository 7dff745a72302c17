"""Rows of styled text: whatever was put into one, no control character leaves it."""

from __future__ import annotations

from rich.cells import cell_len

from dltui.tui.draw.styled_text import _NARROW, SIGNS, bar, cells, ends, fit, plain


def test_no_control_character_passes_the_last_way_to_a_screen() -> None:
    row = fit([("a  b\x1b]52;c;x\x07\ny", "dim"), ("⣿…", "")], 40)
    assert plain([row]) == ["a  b\\x1b]52;c;x\\x07 y⣿…".ljust(40)]
    assert cells(row) == 40


def test_the_parts_at_the_ends_of_a_row_never_touch() -> None:
    start, end = [("test", "bold"), ("  27 of 30 right", "dim")], [("n next", "key")]
    for size in range(40):
        (row,) = plain([ends(start, end, size)])
        assert len(row) == size
        if size > 6:
            assert row.endswith(" n next"), size
    # A part that is cut, one with a wide letter at its end, and one that has its own blank.
    assert plain([ends([("one two three", "")], [("end", "")], 10)]) == ["one t… end"]
    assert plain([ends([("ab漢字", "")], [("end", "")], 9)]) == ["ab漢…" + " end"]
    assert plain([ends([("abcdef", "")], [(" end", "")], 10)]) == ["abcdef end"]
    assert plain([ends([("──────", "")], [], 6)]) == ["──────"]
    assert plain([ends([], [("end", "")], 3)]) == ["end"]


def test_the_usual_letters_take_a_cell_each() -> None:
    """Their number is taken for their width, and they are not looked at for control characters."""
    usual = [letter for letter in map(chr, range(0x20000)) if _NARROW(letter)]
    assert len(usual) > 500
    assert all(cell_len(letter) == 1 and letter.isprintable() for letter in usual)
    assert set(SIGNS) <= set(usual)


def test_of_no_number_a_bar_is_empty() -> None:
    assert plain([bar(float("nan"), 10)]) == ["─" * 10]
    assert plain([bar(float("inf"), 2), bar(-1.0, 2)]) == ["━━", "──"]
