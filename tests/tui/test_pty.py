"""The real app on a real (pseudo) terminal: started, looked at, left in every way; the terminal is clean afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

from dltui.tui.terminal.sixel import Window
from tests.helpers.hang_up import hang_up
from tests.helpers.sixel import SixelTerminal

ENTRY = "from dltui.tui.cli.entry import main; main()"
RIGHT = "\x1b[C"
# What a library written in C does: it writes to the descriptor, whatever sys.stderr is.
NOISY = """
import os, threading, time

def shout():
    while True:
        time.sleep(0.1)
        os.write(2, b"NOISE")

threading.Thread(target=shout, daemon=True).start()
"""


class Screen:
    """dltui in a pty, with a terminal emulator that reads it."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        code: str = ENTRY,
        shell: bool = False,
        **more: str,
    ) -> None:
        """`shell` starts bash alone, which owns the terminal."""
        kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "COLORTERM")}
        environment = kept | {"DLTUI_HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | more
        self.emulator = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.emulator)
        self.bytes = b""
        program = "bash" if shell else sys.executable
        command = ["--norc", "--noprofile", "-i"] if shell else ["-P", "-c", code, *arguments]
        self.child = pexpect.spawn(program, command, env=environment, dimensions=size[::-1], cwd=home.parent)
        self.before = termios.tcgetattr(self.child.child_fd)

    def read(self, seconds: float = 0.05) -> bool:
        """Read what has come; False if nothing did within this time."""
        try:
            chunk = self.child.read_nonblocking(65_536, timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.bytes += chunk
        # pyte does not know the reply of a query that Textual sends.
        self.stream.feed(re.sub(rb"\x1b\[[?>=][0-9;]*[$a-zA-Z]*[pu]|\x1b[P_].*?\x1b\\", b"", chunk))
        return True

    @property
    def text(self) -> str:
        return "\n".join(self.emulator.display)

    def wait(self, condition: Callable[[str], Any], seconds: float = 20.0) -> str:
        end = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < end, f"it never came:\n{self.text}"
            assert self.child.isalive() or time.monotonic() < end - seconds + 1, f"it ended:\n{self.text}"
            self.read()
        return self.text

    def end(self, seconds: float = 10.0) -> int:
        """Wait for the end; the exit code."""
        end = time.monotonic() + seconds
        while self.child.isalive() and time.monotonic() < end:
            self.read()
        self.read(0.2)
        self.child.wait() if not self.child.isalive() and self.child.exitstatus is None else None
        assert not self.child.isalive()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -(self.child.signalstatus or 0))


@pytest.fixture
def home(tmp_path: Path, full_home: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "runs").symlink_to(full_home)
    return folder


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.child.close(force=True)


def clean(screen: Screen) -> None:
    """Alternate screen, bracketed paste and cursor are as they were, and so are the line discipline and the
    mouse."""
    # Of the mouse only clicks and the wheel are asked for, never every movement; in the end nothing of it is left on.
    assert not re.search(rb"\x1b\[\?(?:\d+;)*(?:1002|1003|1015)h", screen.bytes)
    for mode in (b"\x1b[?1000", b"\x1b[?1006"):
        assert screen.bytes.rfind(mode + b"l") >= screen.bytes.rfind(mode + b"h")
    for number in (b"1049", b"2004", b"1004"):
        assert screen.bytes.count(b"\x1b[?" + number + b"h") == 0 or screen.bytes.rindex(
            b"\x1b[?" + number + b"l"
        ) > screen.bytes.rindex(b"\x1b[?" + number + b"h")
    # A signal may come before the cursor was hidden.
    assert screen.bytes.rfind(b"\x1b[?25h") >= screen.bytes.rfind(b"\x1b[?25l")
    assert b"Traceback" not in screen.bytes


def selected(text: str) -> str:
    """The first word of the row with the cursor."""
    found = re.search(r"› (\S+)", text)
    return found[1] if found else ""


def test_from_the_list_to_a_run_and_out(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home)
    screens.append(screen)
    shown = screen.wait(lambda text: "8 runs" in text and "lines-1" in text)
    assert all(len(line) <= 80 for line in shown.splitlines())
    while (before := selected(screen.wait(selected))) != "bold-wren":
        screen.child.send("j")
        # Half drawn there is no cursor: a key more would go on while this one still works.
        screen.wait(lambda text, before=before: selected(text) not in ("", before))  # type: ignore[misc]
    screen.child.send("\r")
    screen.wait(lambda text: "FINISHED" in text and "validation accuracy" in text and "⣀" in text)
    screen.child.send("2")
    screen.wait(lambda text: "most confused" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)
    assert termios.tcgetattr(screen.child.child_fd) == screen.before or screen.child.closed


ENDINGS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)]


@pytest.mark.parametrize(("number", "code"), ENDINGS)
def test_a_signal_ends_it_cleanly(home: Path, screens: list[Screen], number: signal.Signals, code: int) -> None:
    screen = Screen(home)
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    screen.child.kill(number)
    assert screen.end() == code
    clean(screen)


@pytest.mark.parametrize("first", [b"\x1b[?1049h", b"\x1b[?2004h"])
def test_a_signal_before_the_first_frame_leaves_a_clean_terminal(
    home: Path, screens: list[Screen], first: bytes
) -> None:
    screen = Screen(home)
    screens.append(screen)
    while first not in screen.bytes:
        screen.read(0.01)
    screen.child.kill(signal.SIGTERM)
    assert screen.end() == 143
    clean(screen)


BUSY = """
import time
from dltui.tui.app import DltuiApp
DltuiApp.action_theme = lambda self: [time.sleep(0.01) for _ in range(6_000)]
"""


def test_a_signal_ends_a_screen_that_is_busy(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, code=BUSY + ENTRY)
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    screen.child.send("\x14")
    screen.read(0.5)
    screen.child.kill(signal.SIGTERM)
    assert screen.end(20) == 143
    clean(screen)


def test_where_no_shell_waits_it_is_not_suspended(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home)
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    screen.child.send("\x1a")
    screen.wait(lambda text: "no shell waits to go back to" in text)
    screen.child.kill(signal.SIGTSTP)
    screen.child.send("?")
    screen.wait(lambda text: "all keys of Runs" in text)
    screen.child.send("\x1b")
    screen.wait(lambda text: "8 runs" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)


def test_attach_shows_one_run(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "bold-wren", size=(120, 40))
    screens.append(screen)
    screen.wait(lambda text: "bold-wren" in text and "FINISHED" in text and "train loss" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)


def test_no_color_means_no_color_codes(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "bold-wren", NO_COLOR="1")
    screens.append(screen)
    screen.wait(lambda text: "FINISHED" in text and "train loss" in text)
    codes = {part for found in re.findall(rb"\x1b\[([0-9;]*)m", screen.bytes) for part in found.split(b";")}
    assert codes
    assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7", b"22", b"23", b"24", b"27", b"39", b"49"}


def test_an_ascii_locale_gets_ascii(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "bold-wren", LC_ALL="C")
    screens.append(screen)
    screen.wait(lambda text: "FINISHED" in text and "train loss" in text)
    assert screen.bytes.isascii()


def test_16_colors_get_16(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "bold-wren", TERM="xterm")
    screens.append(screen)
    screen.wait(lambda text: "FINISHED" in text and "train loss" in text)
    assert not re.search(rb"\x1b\[[0-9;]*[34]8;[25];", screen.bytes)


def test_kitty_gets_images_and_they_are_taken_back(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "bold-wren", size=(120, 40), TERM="xterm-kitty")
    screens.append(screen)
    screen.wait(lambda text: "FINISHED" in text and "train loss" in text)
    assert b"\x1b_G" not in screen.bytes
    screen.child.send("3")
    screen.wait(lambda _: "\U0010eeee".encode() in screen.bytes)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)
    given, taken = (set(re.findall(pattern, screen.bytes)) for pattern in (rb"a=t,f=100,i=(\d+)", rb"a=d,d=I,i=(\d+)"))
    assert given
    assert given == taken


PIXELS = """
import fcntl, struct, termios
fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 1080, 720))
"""


def test_sixel_images_stand_on_their_cells_and_go_with_their_page(home: Path, screens: list[Screen]) -> None:
    screen = Screen(
        home, "attach", "bold-wren", size=(120, 40), code=PIXELS + ENTRY, TERM="foot", COLORTERM="truecolor"
    )
    screens.append(screen)
    screen.wait(lambda text: "FINISHED" in text)
    screen.child.send("3")
    screen.wait(lambda text: "most confident first" in text and "\x1bP0;1q" in screen.bytes.decode(errors="ignore"))
    while screen.child.isalive() and screen.read(0.5):
        pass
    terminal = SixelTerminal(Window(40, 120, 18, 9))
    terminal.write(screen.bytes.decode())
    assert terminal.with_images() > 100
    assert "▀" not in screen.text
    seen = len(screen.bytes)
    screen.child.send("?")
    screen.wait(lambda text: "all keys of Run" in text and "type to filter" in text)
    terminal.write(screen.bytes[seen:].decode())
    assert terminal.with_images() == 0
    screen.child.send("\x1b")
    screen.wait(lambda text: "most confident first" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)


def test_what_libraries_print_goes_to_a_log(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, code=NOISY + ENTRY)
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        screen.read()
    assert "NOISE" not in screen.text
    screen.child.send("q")
    assert screen.end() == 0
    assert "NOISE" in (home / "screen.log").read_text()


def test_closing_the_terminal_ends_the_screen(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home)
    screens.append(screen)
    screen.wait(lambda text: "8 runs" in text)
    pid = screen.child.pid
    hang_up(screen.child)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("the screen outlived its terminal")
    screen.child.closed = screen.child.terminated = True
    screens.clear()


@pytest.mark.slow
def test_a_run_is_started_watched_and_left(tmp_path: Path, screens: list[Screen]) -> None:
    """A real worker with a plugin from the plugins folder; the screen is left and the run is still there."""
    home = tmp_path / "home"
    (home / "plugins").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "fakes" / "fake_plugin.py", home / "plugins" / "fake_plugin.py")
    screen = Screen(home)
    screens.append(screen)
    screen.wait(lambda text: "No runs yet." in text)
    screen.child.send("n")
    screen.wait(lambda text: "$ dltui train" in text, 60)
    for key, wanted in (("k", "softmax-torch"), (RIGHT, "softmax-numpy"), ("\t", ""), ("\t", ""), ("j", "blobs")):
        for _ in range(6):
            if wanted and wanted in screen.text.splitlines()[22]:
                break
            before = screen.text.splitlines()[22]
            screen.child.send(key)
            if not wanted:
                screen.read(0.5)
                break
            # On a busy machine the next press would come before the answer to this one, which the command line shows.
            screen.wait(lambda text, before=before: text.splitlines()[22] != before, 60)
    assert "$ dltui train softmax-numpy --dataset blobs" in screen.text
    screen.child.send("\r")
    screen.wait(lambda text: "FINISHED" in text and "test accuracy" in text, 60)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)
    (run,) = (home / "runs").iterdir()
    assert json.loads((run / "events.jsonl").read_text().splitlines()[-1])["status"] == "finished"
