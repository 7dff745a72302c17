"""The screen on terminals that announce themselves in different ways: the first frame, its colors and its letters."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.helpers.marks import few
from tests.tui.test_hostile import OWN, only_ours
from tests.tui.test_pty import Screen, clean, home, screens  # noqa: F401

EIGHT_BIT = re.compile(rb"\x1b\[[0-9;]*[34]8;5;")
# What any terminal since the VT100 obeys or leaves out: the cursor, erasing, colors and modes.
PLAIN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\x1b\[\?[0-9;]*[hl]")


@pytest.mark.parametrize("term", few(["screen", "tmux-256color", "xterm-256color"], 1))
def test_a_first_frame_in_the_colors_that_it_has(home: Path, screens: list[Screen], term: str) -> None:  # noqa: F811
    screen = Screen(home, TERM=term)
    screens.append(screen)
    shown = screen.wait(lambda text: "8 runs" in text and "lines-1" in text and "? all keys" in text)
    assert all(len(line) == 80 for line in shown.split("\n"))
    assert "\u203a brisk-otter" in shown
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)
    only_ours(screen.bytes)
    assert bool(EIGHT_BIT.search(screen.bytes)) == ("256" in term)
    assert b"[38;2;" not in screen.bytes


@pytest.mark.parametrize("term", few(["linux", "vt220"], 1))
def test_a_console_gets_letters_that_it_has_and_nothing_that_it_would_print(
    home: Path,  # noqa: F811
    screens: list[Screen],  # noqa: F811
    term: str,
) -> None:
    screen = Screen(home, TERM=term)
    screens.append(screen)
    shown = screen.wait(lambda text: "8 runs" in text and "lines-1" in text and "? all keys" in text)
    assert "> brisk-otter" in shown
    screen.child.send("\r")
    screen.wait(lambda text: "validation" in text and "METRIC" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)
    assert screen.bytes.isascii()
    assert not EIGHT_BIT.search(screen.bytes)
    assert b"\x1b" not in PLAIN.sub(b"", screen.bytes)
    # It has no other screen to go back to: what comes after the end does not stand in the last frame.
    assert "METRIC" not in screen.text


def test_a_console_is_clean_after_a_signal_that_ends_a_busy_screen(
    home: Path,  # noqa: F811
    screens: list[Screen],  # noqa: F811
) -> None:
    from tests.tui.test_pty import BUSY, ENTRY

    screen = Screen(home, code=BUSY + ENTRY, TERM="linux")
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    screen.child.send("\x14")
    screen.read(0.5)
    screen.child.kill(signal.SIGTERM)
    assert screen.end(20) == 143
    clean(screen)
    assert b"\x1b" not in PLAIN.sub(b"", screen.bytes)
    assert "8 runs" not in screen.text


def test_a_dumb_terminal_is_told_why_there_is_no_screen(home: Path, screens: list[Screen]) -> None:  # noqa: F811
    screen = Screen(home, size=(80, 50), TERM="dumb")
    screens.append(screen)
    assert screen.end(20) == 0
    assert b"\x1b" not in OWN.sub(b"", screen.bytes)
    assert not OWN.search(screen.bytes)
    told = " ".join(screen.text.split())
    assert "the full screen needs a terminal that can move its cursor; this one says TERM=dumb" in told
