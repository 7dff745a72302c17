"""The link drops, the run does not."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pexpect
import psutil
import pytest

from tests.helpers.hang_up import hang_up
from tests.helpers.marks import few
from tests.journeys.program import Program

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"
SLOW = ("--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "4", "--step-seconds", "0.03", "--name", "r")


def terminal(program: Program, *arguments: str) -> pexpect.spawn:
    environment = {key: value for key, value in program.environment.items() if key != "NO_COLOR"}
    return pexpect.spawn(
        sys.executable,
        ["-P", "-m", "dltui", *arguments],
        cwd=str(program.folder),
        env=environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"},
        dimensions=(24, 80),
        timeout=60,
    )


def test_closing_the_terminal_of_train_leaves_the_run(program: Program) -> None:
    child = terminal(program, "train", "softmax-numpy", *SLOW)
    live = program.wait("r", lambda live: live.step > 5)
    assert os.getsid(live.pid) != os.getsid(child.pid)
    child.close(force=True)
    program.wait("r", lambda live: live.phase == "ended")
    assert program.reader("r").status().name == "finished"
    shown = program("attach", "r", "--plain").stdout
    assert [f"epoch {number}/4" in shown for number in (1, 2, 3, 4)] == [True] * 4


@pytest.mark.parametrize("number", few([signal.SIGHUP, signal.SIGKILL, signal.SIGTERM], 1, long=0))
def test_ending_the_screen_leaves_the_run(program: Program, number: signal.Signals) -> None:
    program("train", "softmax-numpy", *SLOW, "--detach")
    program("pause", "r")
    screen = terminal(program, "attach", "r")
    screen.expect("PAUSED")
    os.kill(screen.pid, number)
    output = screen.read()
    screen.close()
    if number != signal.SIGKILL:
        assert screen.exitstatus == 128 + number
        assert output.rstrip().count(b"\x1b[?1049l") == 1, "the alternate screen is left"
    program("resume", "r")
    program.wait("r", lambda live: live.phase == "ended")
    assert program.reader("r").status().name == "finished"
    assert len(program.reader("r").history.points) == 52


@pytest.mark.parametrize("trap", ["", "trap '' HUP; "], ids=["told", "not told"])
def test_a_screen_whose_terminal_vanishes_ends_as_well(program: Program, trap: str) -> None:
    """A shell that ignores SIGHUP does not pass it on: then only failing reads and writes tell."""
    program("train", "softmax-numpy", *SLOW[:-3], "0.5", *SLOW[-2:], "--detach")
    shell = pexpect.spawn(
        "/bin/sh",
        ["-c", f"{trap}{sys.executable} -P -m dltui attach r; true"],
        env=program.environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"},
        dimensions=(24, 80),
        timeout=60,
    )
    shell.expect("RUNNING")
    (screen,) = psutil.Process(shell.pid).children()
    hang_up(shell)
    try:
        screen.wait(timeout=20)
    finally:
        program("kill", "r", "--yes")


@pytest.mark.longest
def test_without_a_terminal_a_signal_reaches_the_worker(program: Program) -> None:
    import subprocess

    train = subprocess.Popen(
        [sys.executable, "-P", "-m", "dltui", "train", "softmax-numpy", *SLOW],
        cwd=program.folder,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    program.wait("r", lambda live: live.step > 5)
    train.send_signal(signal.SIGTERM)
    output, _ = train.communicate(timeout=60)
    assert train.returncode == 75, output
    assert program.reader("r").status().name == "preempted"
    program("resume", "r", "--plain")
    reader = program.reader("r")
    assert reader.status().name == "finished"
    assert len(reader.history.epochs) == 4
