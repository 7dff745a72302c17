"""Words in color on the selected row can be read in every theme."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem
from rich.color_triplet import ColorTriplet

from dltui.tui.terminal.contrast import LEAST, contrast
from dltui.tui.terminal.theme import BACKGROUNDS, DRAWN, Palette
from dltui.tui.terminal.theme_colors import OF_256, THEME_COLORS

GROUNDS = ("selected", "unfocused")
NO_TEXT = ("background", *BACKGROUNDS, *DRAWN)


def test_contrast_is_that_of_wcag() -> None:
    black, white, gray = (ColorTriplet(value, value, value) for value in (0, 255, 119))
    assert contrast(black, white) == contrast(white, black) == 21
    assert contrast(gray, gray) == 1
    assert round(contrast(gray, white), 2) == 4.48


@pytest.mark.parametrize("color_blind", [False, True])
@pytest.mark.parametrize("theme", THEME_COLORS)
def test_every_ink_can_be_read_on_a_chosen_row(theme: str, color_blind: bool) -> None:
    palette = Palette(theme, color_blind)
    for word in THEME_COLORS[theme]:
        for ground in GROUNDS if word not in NO_TEXT else ():
            style = palette.style(f"{word} bold {ground}")
            assert style.bold
            assert style.color is not None
            assert style.bgcolor == palette.style(ground).bgcolor is not None
            if theme.endswith(OF_256):
                # As it is sent.
                assert (style.color.downgrade(ColorSystem.EIGHT_BIT).number or 0) >= 16
            found = contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor())
            assert found >= LEAST, (word, ground, found)


@pytest.mark.parametrize("theme", THEME_COLORS)
def test_what_can_be_read_stays_as_it_is(theme: str) -> None:
    palette = Palette(theme)
    for word in THEME_COLORS[theme]:
        alone, chosen, ground = (palette.style(words) for words in (word, f"{word} selected", "selected"))
        if word in NO_TEXT or alone.color is None or ground.bgcolor is None:
            continue
        if contrast(alone.color.get_truecolor(), ground.bgcolor.get_truecolor()) >= LEAST:
            assert chosen.color == alone.color
        assert palette.style(f"{word} heading").color == alone.color
    assert palette.style("empty selected").color == palette.style("empty").color
