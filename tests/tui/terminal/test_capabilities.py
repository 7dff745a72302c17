"""What the environment says about a terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltui.tui.app import make_app
from dltui.tui.terminal.capabilities import chosen, examine, forget_misleading
from dltui.tui.terminal.settings import ScreenSettings
from dltui.tui.terminal.theme import Palette
from dltui.tui.terminal.theme_colors import DARK, DARK_256, LIGHT, LIGHT_256, PLAIN
from tests.tui.scenario import FakeServices

UTF8 = {"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environment", "is_ascii"),
    [
        (UTF8, False),
        ({**UTF8, "LC_ALL": "C"}, True),
        ({**UTF8, "LC_ALL": "POSIX"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8", "TERM": "xterm"}, True),
        ({"LC_CTYPE": "C.UTF-8", "TERM": "xterm"}, False),
        ({"LANG": "de_DE.ISO-8859-1", "TERM": "xterm"}, True),
        ({"LC_CTYPE": "de_DE.utf8", "LANG": "C", "TERM": "xterm"}, False),
        ({**UTF8, "TERM": "linux"}, True),
        ({**UTF8, "TERM": "vt220"}, True),
        ({"TERM": "xterm"}, False),
    ],
)
def test_letters(environment: dict[str, str], is_ascii: bool) -> None:
    assert examine(environment).ascii is is_ascii


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        (UTF8, DARK_256),
        ({**UTF8, "COLORFGBG": "0;15"}, LIGHT_256),
        ({**UTF8, "COLORFGBG": "15;default;0"}, DARK_256),
        ({**UTF8, "TERM": "tmux-256color"}, DARK_256),
        ({**UTF8, "COLORTERM": "truecolor"}, DARK),
        ({**UTF8, "COLORTERM": "24bit", "COLORFGBG": "0;15"}, LIGHT),
        ({**UTF8, "TERM": "xterm-ghostty"}, DARK),
        ({**UTF8, "TERM": "xterm"}, PLAIN),
        ({**UTF8, "TERM": "screen"}, PLAIN),
        ({**UTF8, "TERM": "screen", "STY": "1.pts-0.host", "COLORTERM": "truecolor"}, PLAIN),
        ({**UTF8, "TERM": "screen.xterm-256color", "STY": "1.pts-0.host", "COLORTERM": "truecolor"}, DARK_256),
        # A terminal that was started from within it.
        ({**UTF8, "STY": "1.pts-0.host", "COLORTERM": "truecolor"}, DARK),
        ({**UTF8, "TERM": "xterm", "COLORTERM": "truecolor"}, DARK),
        ({**UTF8, "NO_COLOR": "1"}, PLAIN),
        ({**UTF8, "NO_COLOR": ""}, DARK_256),
    ],
)
def test_colors(environment: dict[str, str], theme: str) -> None:
    found = examine(environment)
    assert found.theme == theme
    assert found.color is not bool(environment.get("NO_COLOR"))


def test_an_empty_no_color_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {"NO_COLOR": "", "COLUMNS": "40", "LINES": "10", "TERM": "xterm"}
    forget_misleading(environment)
    assert environment == {"TERM": "xterm"}
    asked = {"NO_COLOR": "1"}
    forget_misleading(asked)
    assert asked == {"NO_COLOR": "1"}
    monkeypatch.setenv("NO_COLOR", "")
    forget_misleading(os.environ)
    assert not make_app(FakeServices(tmp_path)).no_color


@pytest.mark.parametrize(
    ("environment", "images"),
    [
        (UTF8, ""),
        ({**UTF8, "TERM": "xterm-kitty"}, "kitty"),
        ({**UTF8, "TERM": "xterm-ghostty"}, "kitty"),
        ({**UTF8, "TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}, ""),
        ({**UTF8, "TERM": "xterm-kitty", "STY": "1.pts-0.host"}, ""),
        ({**UTF8, "TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, ""),
        ({**UTF8, "TERM": "foot"}, "sixel"),
        ({**UTF8, "TERM": "mlterm"}, "sixel"),
        ({**UTF8, "TERM": "foot", "TMUX": "/tmp/tmux-0/default,1,0"}, ""),
        ({**UTF8, "TERM_PROGRAM": "WezTerm", "TERM_PROGRAM_VERSION": "20240203-110809-5046fc22"}, "sixel"),
        ({**UTF8, "TERM_PROGRAM": "WezTerm", "TERM": "screen-256color"}, ""),
        # Started from a shell of WezTerm.
        ({**UTF8, "TERM_PROGRAM": "WezTerm", "TERM": "alacritty"}, ""),
        ({**UTF8, "TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.5.4"}, "sixel"),
        ({**UTF8, "TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.4.23"}, ""),
        ({**UTF8, "TERM_PROGRAM": "iTerm.app"}, ""),
        ({**UTF8, "TERM_PROGRAM": "vscode", "TERM_PROGRAM_VERSION": "1.99.0"}, ""),
        ({**UTF8, "WT_SESSION": "1"}, ""),
    ],
)
def test_images(environment: dict[str, str], images: str) -> None:
    """Also a terminal that shows none has them where the setting says so, and the other way round."""
    found = examine(environment)
    assert found.images == images
    assert [chosen(found, ScreenSettings(images=word)).images for word in ("auto", "on", "sixel", "off")] == [
        images,
        images or "kitty",
        "sixel",
        "",
    ]


def test_a_wish_is_met_in_the_colors_that_the_terminal_has() -> None:
    wish = ScreenSettings(theme="light")
    assert chosen(examine(UTF8), wish).theme == LIGHT_256
    assert chosen(examine({**UTF8, "COLORTERM": "truecolor"}), wish).theme == LIGHT
    assert chosen(examine({**UTF8, "TERM": "xterm"}), wish).theme == LIGHT_256
    assert chosen(examine({**UTF8, "NO_COLOR": "1"}), wish).theme == PLAIN


@pytest.mark.parametrize("theme", [DARK, LIGHT, DARK_256, LIGHT_256])
def test_heat_can_be_read_on_every_shade(theme: str) -> None:
    """Foreground and background differ by enough brightness to be told apart."""
    palette = Palette(theme)
    for kind in ("heat", "miss"):
        for hundredths in range(1, 101):
            style = palette.style(f"{kind}:{hundredths / 100:.2f}")
            assert style.color is not None
            assert style.bgcolor is not None
            front, back = (
                sum(weight * part for weight, part in zip((0.299, 0.587, 0.114), color.get_truecolor(), strict=True))
                for color in (style.color, style.bgcolor)
            )
            assert abs(front - back) > 90
