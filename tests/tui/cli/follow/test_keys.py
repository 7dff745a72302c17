"""Single keys are read from a terminal while it belongs to this program."""

from __future__ import annotations

import os
import pty
import sys
import termios
import tty
from types import SimpleNamespace

import pytest

from dltui.tui.cli.follow import keys


def test_the_settings_of_another_job_are_not_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that reads a line has set the terminal up without echo."""
    there, here = pty.openpty()
    front = [os.getpgrp() + 1]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: here))
    monkeypatch.setattr(keys.os, "tcgetpgrp", lambda fd: front[0])
    own = termios.tcgetattr(here)
    tty.setcbreak(here)
    with keys.Keys() as found:
        termios.tcsetattr(here, termios.TCSANOW, own)
        front[0] = os.getpgrp()
        found.take()
        found.take()
        assert not termios.tcgetattr(here)[3] & termios.ECHO
    assert termios.tcgetattr(here)[3] & termios.ECHO
    os.close(there)
    os.close(here)


def test_a_terminal_that_another_job_has_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting it up, or reading from it, would stop this program until it is brought to the front."""
    there, here = pty.openpty()
    front, taken = [os.getpgrp() + 1], list[int]()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: here))
    monkeypatch.setattr(keys.os, "tcgetpgrp", lambda fd: front[0])
    monkeypatch.setattr(keys.tty, "setcbreak", lambda fd, when: taken.append(fd))
    monkeypatch.setattr(keys.termios, "tcsetattr", lambda fd, when, saved: taken.append(-fd))
    os.write(there, b"o\n")
    with keys.Keys() as found:
        found.take()
        assert found.wait(0.01) == ""
        assert taken == []
        front[0] = os.getpgrp()
        assert found.wait(5.0) == "o"
        assert taken == [here], "brought to the front"
        front[0] += 1
    assert taken == [here]
    os.close(there)
    os.close(here)
