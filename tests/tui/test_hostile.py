"""Strings of strangers on a real terminal: nothing but dltui's own control sequences arrives, at any size."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import psutil
import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Logged
from dltui.core.rundir.log import EventLog
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run
from tests.tui.test_pty import Screen, clean

OSC, CSI, C1 = "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07", "\x1b[2J\x1b[31;45mred", "\x9b2J\x90q\x9c"
NASTY = f"{OSC}{CSI}{C1}\x08\x0e\r\n\x00[bold]x[/bold][/foo]\u202eevil\u2066\ud800&<svg>\"'" + "long" * 2500
pytestmark = pytest.mark.slow
# What Textual and dltui send: cursor, erase, colors, modes, queries, the pointer's shape; no titles, no clipboard.
OWN = re.compile(
    rb"\x1b\[[0-9;]*[HJKm]|\x1b\[[?>=<][0-9;]*\$?[a-zA-Z]|\x1b\[[0-9;]*[ABCDGtr]|\x1b\[[0-9;]* q|\x1b[78=>]|\x1b\([B0]"
    rb"|\x1bP=[12]s\x1b\\|\x1b\[\?[0-9;]*\$p|\x1b\]22;[a-z-]*\x07"
)
SIZES = ((1, 1), (300, 100), (10, 3), (20, 5), (79, 24), (80, 23))
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def spoil(run: RunDirectory) -> None:
    """Every string of a run that somebody else may have written."""
    asked = json.loads(run.run_json.read_text())
    texts = ("model", "model_name", "framework", "dataset", "exports", "parent", "group", "cwd", "created_text")
    asked |= dict.fromkeys(texts, NASTY) | {"command": [NASTY], "dataset_options": {NASTY: NASTY}}
    asked["device"] = {"name": NASTY, "title": NASTY, "uuid": NASTY}
    asked["config"][NASTY] = NASTY
    run.run_json.write_text(json.dumps(asked))
    run.labels_json.write_text(json.dumps({"name": NASTY, "tags": [NASTY], "note": NASTY}))
    run.worker_log.write_bytes(NASTY.encode("utf-8", "surrogatepass") + b"\n\xff\xfe")
    log = EventLog(run.events_path, 1)
    log.append(Logged("warning", NASTY))
    log.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Runs whose classes, names, settings and log lines are hostile, in every state."""
    runs = tmp_path / "home" / "runs"
    classes = tuple(f"{number}{NASTY}" for number in range(10))
    for status in ("finished", "failed", "interrupted"):
        spoil(make_sample_run(runs, status=status, run_id=f"x-{status}", classes=classes))
    spoil(make_sample_run(runs, status="finished", run_id="x-lines", task="regression"))
    return tmp_path / "home"


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.child.close(force=True)


def only_ours(data: bytes) -> None:
    rest = OWN.sub(b"", data)
    found = CONTROL.search(rest)
    assert found is None, rest[max(found.start() - 40, 0) : found.start() + 60]
    text = rest.decode("utf-8", "strict")
    assert not [character for character in text if "\x80" <= character <= "\x9f" or character in "\u202e\u2066"]


@pytest.mark.parametrize("run", few(["x-failed", "x-finished", "x-interrupted", "x-lines"], 1, long=0))
def test_every_page_and_tab_sends_only_our_own_sequences(home: Path, screens: list[Screen], run: str) -> None:
    screen = Screen(home, "attach", run, size=(120, 40))
    screens.append(screen)
    screen.wait(lambda text: "METRIC" in text and "\\x1b]0;owned" in text)
    for key in "12345o?":
        screen.child.send(key)
        for _ in range(4):
            screen.read(0.1)
    screen.child.send("\x1b")
    screen.read(0.3)
    for key in "rs":
        screen.child.send(key)
        for _ in range(4):
            screen.read(0.1)
        screen.child.send("\x1b")
        screen.read(0.3)
    screen.child.send("\x1b")
    screen.wait(lambda text: "4 runs" in text)
    screen.child.send("jjk")
    screen.read(0.3)
    screen.child.send("q")
    assert screen.end(60) == 0
    only_ours(screen.bytes)
    clean(screen)


@pytest.mark.parametrize(
    "arguments", [["runs"], ["runs", "--all"], ["attach", "x-failed", "--plain"], ["attach", "x-lines"]]
)
def test_plain_output_has_no_control_character_at_all(home: Path, arguments: list[str]) -> None:
    environment = os.environ | {"DLTUI_HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dltui", *arguments], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, cwd=home,
    )  # fmt: skip
    assert CONTROL.search(done.stdout + done.stderr) is None
    assert b"\\x1b]0;owned" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    only_ours(done.stdout + done.stderr)


@pytest.mark.parametrize("run", few(["x-lines", "x-finished"], 0, long=0))
def test_figures_stay_valid_and_carry_no_control_character(home: Path, run: str) -> None:
    out = home / "out"
    environment = os.environ | {"DLTUI_HOME": str(home)}
    command = [sys.executable, "-P", "-m", "dltui", "export", run, "--to", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=home)
    assert done.returncode == 0, done.stderr
    drawn = [*out.rglob("*.svg"), *out.rglob("*.html")]
    assert len(drawn) > 3
    for path in drawn:
        data = path.read_bytes()
        assert CONTROL.search(data) is None, path.name
        assert b"<svg>&" not in data
        assert "\u202e" not in data.decode("utf-8"), path.name
        if path.suffix == ".svg":
            ElementTree.fromstring(data)


@pytest.mark.parametrize("arguments", few([("attach", "x-finished"), ()], 1), ids=["run", "runs"])
def test_no_size_is_too_small_or_too_large(home: Path, screens: list[Screen], arguments: tuple[str, ...]) -> None:
    screen = Screen(home, *arguments, size=SIZES[0])
    screens.append(screen)
    for columns, lines in SIZES:
        screen.child.setwinsize(lines, columns)
        for _ in range(5):
            screen.read(0.1)
        screen.child.setwinsize(24, 80)
        screen.emulator.resize(24, 80)
        screen.wait(lambda text: "? all keys" in text and "needs 80x24" not in text)
    screen.child.setwinsize(1, 1)
    screen.read(0.5)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)


def test_sizes_that_a_shell_exported_do_not_count(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, size=(90, 30), COLUMNS="40", LINES="10")
    screens.append(screen)
    screen.wait(lambda text: "4 runs" in text and "? all keys" in text)


@pytest.mark.longest
def test_a_storm_of_sizes(home: Path, screens: list[Screen]) -> None:
    screen = Screen(home, "attach", "x-finished")
    screens.append(screen)
    screen.wait(lambda text: "METRIC" in text)
    for number in range(60):
        screen.child.setwinsize(1 + (number * 7) % 50, 1 + (number * 13) % 160)
        screen.read(0.01)
    screen.child.setwinsize(24, 80)
    screen.wait(lambda text: "? all keys" in text)
    screen.child.send("q")
    assert screen.end() == 0
    clean(screen)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
@pytest.mark.parametrize("how", few(["key", "signal"], 1))
def test_suspended_it_gives_the_terminal_back_and_comes_again(home: Path, how: str) -> None:
    environment = os.environ | {
        "DLTUI_HOME": str(home),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "PS1": "shell: ",
    }
    for name in ("CI", "NO_COLOR"):
        environment.pop(name, None)
    shell = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], env=environment, dimensions=(24, 80), timeout=60)
    try:
        shell.expect("shell: ")
        shell.sendline(f"{sys.executable} -P -m dltui")
        shell.expect("4 runs")
        if how == "key":
            shell.send("\x1a")
        else:
            (screen,) = psutil.Process(shell.pid).children()
            screen.send_signal(signal.SIGTSTP)
        shell.expect("Stopped")
        assert b"\x1b[?1049l" in shell.before, "the alternate screen is left"
        assert shell.before.rindex(b"\x1b[?25h") > shell.before.rfind(b"\x1b[?25l"), "the cursor is back"
        shell.sendline("echo here $((40 + 2))")
        shell.expect("here 42")
        shell.sendline("fg")
        shell.expect_exact("\x1b[?1049h")
        # The last line, which nothing but drawing everything anew sends.
        shell.expect("all keys", timeout=30)
        shell.send("q")
        shell.expect("shell: ")
        shell.sendline("echo code $?")
        shell.expect("code 0")
    finally:
        shell.close(force=True)
