"""Runs for tests of figures, and names that nobody should call a class."""

from __future__ import annotations

from pathlib import Path

from dltui.core.reading.reader import RunReader
from tests.helpers.sample_run import make_sample_run

HOSTILE = (
    "\x1b]52;c;aGk=\x07", "<script>&\"'", "[bold", "$x^2$ \\frac", "\u202eevil", "\ud800", "a\x00b", "\uffff",
    "シャツ" * 30, "x" * 300, "שלום عربي", "हिन्दी 😀", "", "two\nlines", "]]>", "--><!--",
)  # fmt: skip


def reader(path: Path, **options: object) -> RunReader:
    found = RunReader(make_sample_run(path / "runs", **options))  # type: ignore[arg-type]
    found.refresh()
    return found


def names(files: list[Path]) -> set[str]:
    return {path.name for path in files}
