"""What the terminal shows after the thinned bytes is what it would have shown after all of them; pyte is the judge."""

from __future__ import annotations

from typing import Any

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.tui.terminal.ansi_diff import PLAIN, AnsiDiff, change
from dltui.tui.terminal.meter import Meter
from tests.helpers.marks import examples

WIDTH, HEIGHT = 20, 6
COLORS = ("31", "34", "39", "91", "38;2;12;200;7", "38;5;120")
GROUNDS = ("41", "49", "104", "48;2;1;2;3", "48;5;7")
MORE = ("1", "3", "4", "7", "9", "22", "23", "24", "27", "29", "0", "", "0;1", "53")

sgr = st.lists(st.sampled_from(COLORS + GROUNDS + MORE), min_size=1, max_size=3).map(
    lambda codes: f"\x1b[{';'.join(codes)}m"
)
words = st.text(alphabet="ab  ─█┤漢", min_size=1, max_size=8)
moves = st.tuples(st.integers(1, HEIGHT), st.integers(1, WIDTH)).map(lambda at: f"\x1b[{at[0]};{at[1]}H")
others = st.sampled_from(["\r\n", "\x1b[K", "\x1b[2J", "\x1b[?25l", "\x1b[?2004h", "\x1b]0;title\x07", "\x1b[1A"])
streams = st.lists(st.lists(st.one_of(sgr, words, moves, others), max_size=12).map("".join), max_size=6)


def picture(text: str) -> list[list[Any]]:
    """What can be seen: of a blank its ground and its lines."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    pyte.Stream(screen).feed(text)
    rows = []
    for line in range(HEIGHT):
        row: list[Any] = []
        for column in range(WIDTH):
            cell = screen.buffer[line][column]
            lines = (cell.underscore, cell.strikethrough, cell.reverse)
            seen = (cell.data, cell.bg, lines)
            # A reversed blank shows its foreground.
            foreground = (cell.fg, cell.bold, cell.italics) if cell.data.strip() or any(lines) else None
            row.append((seen, foreground))
        rows.append(row)
    return rows


@settings(max_examples=examples(400))
@given(streams)
def test_the_picture_is_the_same(parts: list[str]) -> None:
    thinner = AnsiDiff()
    thinned = "".join(thinner.thin(part) for part in parts)
    assert picture(thinned) == picture("".join(parts))


@settings(max_examples=examples(100))
@given(streams, streams, st.sampled_from(COLORS))
def test_after_another_program_nothing_is_taken_for_granted(before: list[str], after: list[str], left: str) -> None:
    thinner = AnsiDiff()
    first = "".join(thinner.thin(part) for part in before)
    thinner.forget()
    # It left the terminal in a color of its own; Textual's frames begin with the color that they want.
    second = thinner.thin("\x1b[0m" + "".join(after))
    assert picture(f"{first}\x1b[{left}m{second}") == picture("".join(before) + "\x1b[0m" + "".join(after))


def test_a_color_that_is_there_is_not_sent_again() -> None:
    thinner = AnsiDiff()
    assert thinner.thin("\x1b[31mone\x1b[0m") == "\x1b[0;31mone"
    assert thinner.thin("\x1b[31mtwo\x1b[0m\x1b[31mthree") == "twothree"
    assert thinner.thin("\x1b[0m   \x1b[34mfour") == "   \x1b[34mfour"


def test_the_shortest_change() -> None:
    bold = PLAIN._replace(more=frozenset("1"))
    assert change(bold, PLAIN) == "\x1b[0m"
    assert change(PLAIN, bold) == "\x1b[1m"
    assert change(None, bold) == "\x1b[0;1m"


class Slow:
    """A terminal on a link that takes its time."""

    def __init__(self) -> None:
        self.now, self.cost, self.got = 0.0, 0.0, ""

    def write(self, text: str) -> None:
        self.now += self.cost
        self.got += text

    def flush(self) -> None: ...


def test_a_slow_link_gets_fewer_frames_and_a_fast_one_all_again() -> None:
    link = Slow()
    meter = Meter(link, lambda: link.now)  # type: ignore[arg-type]

    def watch(seconds: float, cost: float) -> None:
        link.cost, end = cost, link.now + seconds
        while link.now < end:
            meter.write("frame")
            link.now += 0.25
            meter.tick()

    watch(20, cost=0.001)
    assert meter.ticks == 1
    watch(20, cost=0.5)
    assert meter.ticks >= 4
    watch(60, cost=0.0)
    assert meter.ticks == 1
