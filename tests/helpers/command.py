"""Carries out commands of dltui in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dltui.tui.cli import main

Run = Callable[..., tuple[int, str, str]]


def runner(capsys: pytest.CaptureFixture[str], *first: str) -> Run:
    """Gets the words of a command behind `first`; returns its exit code, what it prints, and its errors."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main.run([*first, *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
