"""Only changed cells are sent, and the terminal shows every cell of the page; pyte is the terminal."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable
from typing import Any

import pyte
import pytest
from textual.containers import Horizontal
from textual.widget import Widget

from dltui.tui.app import DltuiApp
from dltui.tui.base.page import Page
from dltui.tui.base.rows import Rows
from dltui.tui.draw.styled_text import Row
from dltui.tui.terminal.ansi_diff import AnsiDiff
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK_256, LIGHT, PLAIN
from tests.tui.scenario import FakeServices, shown, until

SIZES = ((80, 24), (120, 40), (60, 16), (200, 50), (41, 11))
KEYS = (
    *"1234567gzmxjkSPdno", "left", "right", "plus", "minus", "comma", "tab", "question_mark", "escape", "ctrl+t",
    "left_square_bracket",
)  # fmt: skip
TEXTS = ("a", "train loss", "⣿⣀", " ", "     ", "漢字", "e\u0301", "±°", "─" * 9, "0.25", "·  ·  ·", "\x1b[2Jx")
STYLES = ("", "dim", "bold", "train", "selected", "heat:0.4", "underline", "reverse bold", "bad selected")


class PyteTerminal:
    """A terminal that gets what the app would write to its own."""

    def __init__(self, app: DltuiApp, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.thinner = AnsiDiff()
        self.bytes = 0
        self.resize(size)
        monkeypatch.setattr(app, "_display", self._display)
        app.refresh(layout=True)

    def _display(self, screen: Any, update: Any) -> None:
        if update is not None and not self.app._batch_count:
            output = self.thinner.thin(update.render_segments(self.app.console))
            self.bytes += len(output.encode())
            self.stream.feed(output)

    def resize(self, size: tuple[int, int]) -> None:
        """Take another size, and show anything there."""
        self.emulator = pyte.Screen(*size)
        self.seen: dict[int, list[object]] = {}
        self.stream = pyte.Stream(self.emulator)
        self.stream.feed("\x1b[41m" + "\n".join(["?" * size[0]] * size[1]))
        self.thinner.forget()

    async def take_size(self, pilot: Any, size: tuple[int, int]) -> None:
        """Take another size, and tell the app."""
        self.resize(size)
        await pilot.resize_terminal(*size)

    async def check(self, pilot: Any) -> None:
        """Wait until every cell is as the page's rows want it."""
        for rows in self.app.screen.query(Rows):
            rows._forget()
        await until(pilot, lambda: not self.wrong())

    def wrong(self) -> list[str]:
        """The lines that show something else than the page."""
        here = self.emulator
        self.seen.update({y: visible(here, y) for y in here.dirty})
        here.dirty.clear()
        strips = self.app.screen._compositor.render_strips()
        wanted = [visible_alone(strip.render(self.app.console), here.columns) for strip in strips]
        return [here.display[y] for y in range(here.lines) if self.seen[y] != wanted[y]]


@functools.lru_cache(maxsize=1_000)
def visible_alone(line: str, columns: int) -> list[object]:
    """What can be seen of a line that nothing was written before."""
    screen = pyte.Screen(columns, 1)
    pyte.Stream(screen).feed(line)
    return visible(screen, 0)


def visible(screen: pyte.Screen, y: int) -> list[object]:
    """What can be seen of a line."""
    seen: list[object] = []
    for x in range(screen.columns):
        cell = screen.buffer[y][x]
        lines = (cell.underscore, cell.strikethrough, cell.reverse)
        ink = (cell.fg, cell.bold, cell.italics) if cell.data.strip() or any(lines) else None
        seen.append((cell.data, cell.bg, lines, ink))
    return seen


LOOKS = [
    Terminal(),
    pytest.param(Terminal(ascii=True), marks=pytest.mark.longest),
    pytest.param(Terminal(theme=PLAIN), marks=pytest.mark.longest),
    pytest.param(Terminal(theme=DARK_256), marks=pytest.mark.long),
    pytest.param(Terminal(color=False, theme=LIGHT), marks=pytest.mark.longest),
]


@pytest.mark.parametrize("terminal", LOOKS)
async def test_the_terminal_shows_the_page_after_any_keys(
    services: FakeServices, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A run is watched, tabs and pages are opened, the theme and the window change."""
    chance = random.Random(7)
    async with shown(services, SIZES[0], terminal, run="brisk-otter") as (app, pilot):
        emulated = PyteTerminal(app, SIZES[0], monkeypatch)
        for number in range(100 if request.config.getoption("--longest") else 40):
            if number % 8 == 7:
                await emulated.take_size(pilot, chance.choice(SIZES))
            else:
                await pilot.press(chance.choice(KEYS))
            services.now += 0.5
            app._tick()
            await pilot.pause()
            await emulated.check(pilot)
            if not isinstance(app.screen, Page):
                break


class RandomPage(Page):
    """Two parts beside and above others, with anything in them."""

    DEFAULT_CSS = (
        "RandomPage Horizontal { height: 2fr; } RandomPage #left { width: 1fr; } RandomPage #right { width: 2fr; }"
    )

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.drawn: dict[str, list[Row]] = {}

    def body(self) -> Iterable[Widget]:
        yield Rows(lambda width, height: self.draw("first", height), id="first")
        with Horizontal():
            yield Rows(lambda width, height: self.draw("left", height), id="left")
            yield Rows(lambda width, height: self.draw("right", height), id="right")

    def draw(self, name: str, height: int) -> list[Row]:
        """Some rows anew, some with another part, the others as before."""
        chance = self.chance
        rows = [list(row) for row in self.drawn.get(name, [])]
        if len(rows) != height:
            rows = [[] for _ in range(max(height - chance.choice((0, 0, 1)), 0))]
        for row in rows:
            what = chance.random()
            if what < 0.1:
                row[:] = [self.part() for _ in range(chance.randrange(9))]
            elif what < 0.5 and row:
                row[chance.randrange(len(row))] = self.part()
        self.drawn[name] = rows
        return rows

    def part(self) -> tuple[str, str]:
        return self.chance.choice(TEXTS), self.chance.choice(STYLES)


@pytest.mark.parametrize("terminal", LOOKS)
async def test_the_terminal_shows_any_rows(
    services: FakeServices, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(11)
    async with shown(services, SIZES[0], terminal) as (app, pilot):
        app.push_screen(RandomPage(chance))
        await pilot.pause()
        emulated = PyteTerminal(app, SIZES[0], monkeypatch)
        for number in range(150 if request.config.getoption("--longest") else 60):
            if number % 20 == 19:
                await emulated.take_size(pilot, chance.choice(SIZES))
            elif number % 20 == 12:
                await app.push_screen(RandomPage(chance))
            elif number % 20 == 16:
                app.pop_screen()
            elif number % 20 == 5:
                app.screen.query_one("#left").display ^= True
            elif number % 20 == 9:
                app.screen.notice.say("two rows " * 12)  # type: ignore[attr-defined]
            app.screen.redraw()  # type: ignore[attr-defined]
            await pilot.pause()
            await emulated.check(pilot)


async def test_a_changed_letter_costs_a_few_bytes(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [[("─" * 60, "train"), ("0", "bold"), ("─" * 19, "train")] for _ in range(3)]
    async with shown(services, SIZES[0]) as (app, pilot):
        page = RandomPage(random.Random(0))
        page.draw = lambda name, height: [*rows]  # type: ignore[method-assign]
        app.push_screen(page)
        await pilot.pause()
        emulated = PyteTerminal(app, SIZES[0], monkeypatch)
        await pilot.pause()
        await emulated.check(pilot)
        before = emulated.bytes
        rows[1] = [rows[1][0], ("1", "bold"), rows[1][2]]
        page.redraw("#first")
        await pilot.pause()
        await emulated.check(pilot)
        assert 0 < emulated.bytes - before < 60
