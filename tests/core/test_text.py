"""Text that we did not write: nothing in it reaches a terminal or an SVG as anything but text."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.text import cell, clean, clean_line, from_cell, plural, shorten, width, xml_text

# Everything, lone surrogates and controls included, with what hostile text is made of more often than by chance.
NASTY = "\x1b\x07\x9b\x9d\r\n\t\x00\u202e\u2066\u200d\u200c\u200b\ufeff\ud800\udfff\u2028\xad\U000e0041é日🙂 a"
ANY = st.text(st.one_of(st.characters(), st.sampled_from(NASTY), st.characters(categories=["Cs", "Cf", "Cc"])))
# Signs of Arabic and other scripts that Unicode calls format characters, but that are drawn.
DRAWN = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")


@given(ANY)
def test_nothing_hidden_is_left(text: str) -> None:
    for character in clean(text):
        if character not in DRAWN | set("\n\u200c\u200d"):
            assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, hex(ord(character))
    clean(text).encode("utf-8")
    assert "\n" not in clean_line(text)


@given(ANY, st.integers(0, 40))
def test_cleaning_again_changes_nothing_and_the_limit_holds(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert clean(once, limit) == once
    assert len(once) <= limit
    assert len(clean_line(text, limit)) <= limit


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=50))
def test_ordinary_text_of_any_script_stays(text: str) -> None:
    for filler in "\u115f\u1160\u3164\uffa0":
        text = text.replace(filler, "")
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud83d alone", "\\ud83d alone"),
        ("\x9b31m", "\\x9b31m"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("two\r\nlines\ttab", "two\nlines    tab"),
        ("over\rwrite", "over\\x0dwrite"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        ("admin\u200d", "admin\\u200d"),
        ("日\u202e\u200d日", "日\\u202e\\u200d日"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_anything_can_be_cleaned() -> None:
    assert clean(None) == "None"
    assert clean(3.5) == "3.5"
    assert clean_line("  one \n\n two\t") == "one two"
    assert clean("x" * 20, 5) == "xxxx…"
    assert len(clean("\x1b" * 1_000_000)) == 10_000


@given(ANY, st.integers(-1, 30))
def test_shortened_text_fits(text: str, cells: int) -> None:
    text = clean_line(text)
    found = shorten(text, cells)
    assert width(found) <= max(cells, 0)
    assert found == text or width(text) > cells


def test_width_counts_cells() -> None:
    assert width("abc") == 3
    assert width("日本") == 4
    assert width("e\u0301") == 1
    assert shorten("日本語", 5) == "日本…"
    assert shorten("abcdef", 4, "...") == "a..."
    assert shorten("abc", 3) == "abc"


@given(ANY)
def test_xml_text_makes_valid_xml(text: str) -> None:
    ElementTree.fromstring(f"<a>{escape(xml_text(text))}</a>")


def test_one_is_not_many() -> None:
    assert [plural(number, "line") for number in (0, 1, 2, 12345)] == ["0 lines", "1 line", "2 lines", "12,345 lines"]
    assert (plural(1, "class", "classes"), plural(2, "class", "classes")) == ("1 class", "2 classes")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Coat", "Coat"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("", ""),
    ],
)
def test_cells_of_a_table_are_text_for_a_spreadsheet(text: str, written: str) -> None:
    assert cell(text) == written
    assert from_cell(written) == clean(text)
