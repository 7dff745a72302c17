"""A run has its color for ever, and no two shown together share one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dltui.tui.draw.colors import STYLES, ink, inks
from dltui.tui.terminal.inks import DARK, INKS, LIGHT


def test_a_run_alone_has_its_own() -> None:
    assert inks(["brisk-otter"])["brisk-otter"] == ink("brisk-otter") == ink("brisk-otter")


@given(st.lists(st.text(min_size=1), unique=True, max_size=30))
def test_as_many_as_there_are_colors_differ_and_later_ones_change_nothing(runs: list[str]) -> None:
    found = inks(runs)
    assert list(found) == runs
    for first in range(0, len(runs), len(STYLES)):
        together = [found[run].style for run in runs[first : first + len(STYLES)]]
        assert len(set(together)) == len(together)
    assert {run: found[run] for run in runs[:3]} == inks(runs[:3])


def test_every_theme_knows_them() -> None:
    for theme in (DARK, LIGHT):
        assert set(STYLES) <= set(INKS[theme])
        assert len({INKS[theme][style] for style in STYLES}) == len(STYLES)
