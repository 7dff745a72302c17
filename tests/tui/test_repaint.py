"""The app in a real (pseudo) terminal that a shell owns: after any frames, sizes, pages and stops of the process the
terminal shows every cell of the page.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pyte
import pytest

from benchmarks.growing_run import Growing, create
from tests.tui.base.frames.test_compositor import visible
from tests.tui.test_pty import ENTRY, Screen

# Writes down, at each tick, what the page wants to show.
TELLING = """
import json, os
from dltui.tui.app import DltuiApp

tick = DltuiApp._tick

def tell(self):
    tick(self)
    strips = self.screen._compositor.render_strips()
    told = json.dumps([self.size, [strip.render(self.console) for strip in strips]])
    with open(os.environ["TOLD"] + "~", "w") as file:
        file.write(told)
    os.replace(os.environ["TOLD"] + "~", os.environ["TOLD"])

DltuiApp._tick = tell
"""
SIZES = ((80, 24), (200, 50), (50, 14), (120, 40))
KEYS = (*"1234567gzmxMS", "?", "\x1b", "\x14", "\x1b[B", "\x1b[C", "\t")


class Terminal:
    """A shell with dltui in its foreground."""

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told.json"
        script = folder / "screen.py"
        script.write_text(TELLING + ENTRY)
        self.screen = Screen(
            folder, size=SIZES[0], shell=True, TOLD=str(self.told), COLORTERM="truecolor", PS1="shell: "
        )
        self.screen.wait(lambda text: "shell:" in text)
        self.screen.child.sendline(f"{sys.executable} -P {script} attach bench")

    @property
    def size(self) -> tuple[int, int]:
        return self.screen.emulator.columns, self.screen.emulator.lines

    def resize(self, size: tuple[int, int]) -> None:
        """Take another size, with letters of before all over it."""
        emulator = self.screen.emulator
        emulator.resize(size[1], size[0])
        for y in range(size[1]):
            for x in range(size[0]):
                emulator.buffer[y][x] = emulator.default_char._replace(data="?", bg="red")
        self.screen.child.setwinsize(size[1], size[0])

    def stop(self) -> None:
        """Stop it, let the shell write over the terminal, and let it go on."""
        (process,) = psutil.Process(self.screen.child.pid).children()
        process.send_signal(signal.SIGTSTP)
        self.screen.wait(lambda text: "Stopped" in text)
        self.screen.child.sendline("seq 60")
        self.screen.wait(lambda text: "\n60" in text)
        self.screen.child.sendline("fg")

    def shows_the_page(self) -> bool:
        size, lines = json.loads(self.told.read_text())
        emulator = self.screen.emulator
        if tuple(size) != self.size:
            return False
        wanted = pyte.Screen(*size)
        stream = pyte.Stream(wanted)
        for y, line in enumerate(lines):
            stream.feed(f"\x1b[{y + 1};1H{line}")
        return all(visible(emulator, y) == visible(wanted, y) for y in range(wanted.lines))

    def check(self) -> None:
        self.screen.wait(lambda _: self.told.exists() and self.shows_the_page(), 60.0)


@pytest.mark.long
@pytest.mark.slow(60)
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_the_terminal_shows_the_page_after_anything(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    chance = random.Random(3)
    growing = Growing(create(tmp_path / "runs" / "bench", 200), 200, 1.0)
    growing.advance(400, 0.5)
    terminal = Terminal(tmp_path)
    try:
        terminal.screen.wait(lambda text: "train loss" in text)
        for number in range(60 if pytestconfig.getoption("--longest") else 40):
            growing.advance(200, 0.5)
            if number % 6 == 3:
                terminal.resize(chance.choice([size for size in SIZES if size != terminal.size]))
            elif number % 20 == 10:
                terminal.stop()
            else:
                terminal.screen.child.send(chance.choice(KEYS))
            terminal.check()
    finally:
        terminal.screen.child.close(force=True)
        growing.end()
