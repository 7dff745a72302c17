"""A run has its color for ever, and no two shown together share one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dltui.tui.draw.colors import STYLES, run_color, run_colors
from dltui.tui.terminal.theme_colors import DARK, LIGHT, THEME_COLORS


def test_a_run_alone_has_its_own() -> None:
    assert run_colors(["brisk-otter"])["brisk-otter"] == run_color("brisk-otter") == run_color("brisk-otter")


@given(st.lists(st.text(min_size=1), unique=True, max_size=30))
def test_as_many_as_there_are_colors_differ_and_later_ones_change_nothing(runs: list[str]) -> None:
    found = run_colors(runs)
    assert list(found) == runs
    for first in range(0, len(runs), len(STYLES)):
        together = [found[run].style for run in runs[first : first + len(STYLES)]]
        assert len(set(together)) == len(together)
    assert {run: found[run] for run in runs[:3]} == run_colors(runs[:3])


def test_every_theme_knows_them() -> None:
    for theme in (DARK, LIGHT):
        assert set(STYLES) <= set(THEME_COLORS[theme])
        assert len({THEME_COLORS[theme][style] for style in STYLES}) == len(STYLES)
