"""Progress of a preparation on standard error: on terminals of any kind, and where it takes no more."""

from __future__ import annotations

import errno
import io
from collections.abc import Mapping

import pytest

from dltui.tui.cli.launch import data_progress


class Stream(io.StringIO):
    """A terminal, or what looks like one; one that is `full` takes nothing."""

    full = False

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


def told(patch: pytest.MonkeyPatch, variables: Mapping[str, str], full: bool = False) -> str:
    """What standard error gets of a line, in an environment with these variables."""
    for name, value in {"TERM": "xterm", "CI": "", **variables}.items():
        patch.setenv(name, value)
    stream = Stream()
    stream.full = full
    patch.setattr("sys.stderr", stream)
    patch.setattr(data_progress, "EVERY_SECONDS", 0.0)
    data_progress.teller()("images 1\x1b")
    return stream.getvalue()


def test_a_terminal_shows_it_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, {}) == "\r" + r"images 1\x1b".ljust(60) + "\r"


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "true"}])
def test_one_that_cannot_overwrite_gets_lines(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    assert told(monkeypatch, variables) == "images 1\\x1b\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_an_error_stream_that_takes_no_more_ends_nothing(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    told(monkeypatch, {"TERM": term}, full=True)
