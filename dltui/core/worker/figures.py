"""Starts the process that draws figures, knows the formats, and moves the drawn files to their folder."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.errors import RunError, UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory

FORMATS = ("svg", "png", "pdf")
FORMATS_TEXT = ", ".join(FORMATS)
NONE = "none"
"""In place of the formats of a run: at its end only tables are written, and figures when they are asked for."""
RUN_FORMATS = (*FORMATS, NONE)
RUN_FORMATS_TEXT = f"{FORMATS_TEXT}, or {NONE}: no figures until `dltui export`"


def check_formats(names: Iterable[str], allowed: Sequence[str] = FORMATS) -> list[str]:
    """The formats without duplicates. Raises UsageError for an unknown format, when none is given, and for `none`
    beside another.
    """
    formats = [name for name in dict.fromkeys(str(name).strip().lower() for name in names) if name]
    for name in formats:
        if name not in allowed:
            raise UsageError(f"no format {clean_line(repr(name), 40)}; there is {', '.join(allowed)}")
    if not formats:
        raise UsageError(f"a format is missing: {', '.join(allowed)}")
    if NONE in formats and len(formats) > 1:
        raise UsageError(f"format {NONE} goes with no other; leave it out, or the others")
    return formats


UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4}
LEAST_WIDTH, MOST_WIDTH = 60.0, 500.0
"""Millimeters of a figure."""


@dataclass(frozen=True)
class Look:
    """The wishes about figures, None and False for what is usual: `text` is "paths" or "live"."""

    title: bool = True
    width: float | None = None
    """Millimeters."""
    dpi: int | None = None
    text: str | None = None

    def words(self) -> list[str]:
        """The words of a command line that ask for it."""
        width = [] if self.width is None else ["--width", f"{self.width:g}mm"]
        dpi = [] if self.dpi is None else ["--dpi", str(self.dpi)]
        text = [] if self.text is None else ["--text", self.text]
        return [*([] if self.title else ["--no-title"]), *width, *dpi, *text]


def millimeters(text: str) -> float:
    """The millimeters of a width such as 85mm, 8.5cm or 3.3in. Raises UsageError."""
    number, unit = text.strip()[:-2], text.strip()[-2:].lower()
    try:
        width = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        raise UsageError(f"a width is like 85mm, 17.5cm or 7in, got {clean_line(repr(text), 40)}") from None
    if not LEAST_WIDTH <= width <= MOST_WIDTH:
        raise UsageError(f"a width is from {LEAST_WIDTH:g}mm to {MOST_WIDTH:g}mm, got {clean_line(text, 40)}")
    return width


@dataclass(frozen=True)
class Ended:
    """The end of a process that draws, and all that it printed."""

    code: int
    output: str
    errors: str

    @property
    def problem(self) -> str:
        """The last line of a process that failed; empty when it did not."""
        if self.code == 0:
            return ""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        return lines[-1].removeprefix("dltui: ") if lines else f"exit code {self.code}"


def start(
    arguments: Sequence[str],
    module: str = "dltui.exports",
    python: str = sys.executable,
    seconds: float | None = None,
) -> Ended:
    """Run `python -P -m dltui.exports ARGUMENTS` and wait for its end.

    With `seconds` it draws for a plugin: all that it started ends with it, and it raises subprocess.TimeoutExpired.
    """
    command = [python, "-P", "-m", module, *arguments]
    pipe = subprocess.PIPE
    alone = seconds is not None
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # What a plugin prints is not read, however much it is.
        stdout=subprocess.DEVNULL if alone else pipe,
        stderr=pipe,
        text=True,
        errors="replace",
        start_new_session=alone,
    ) as child:
        try:
            output, errors = child.communicate(timeout=seconds)
        finally:
            if alone:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
            child.kill()
    return Ended(child.returncode, output or "", errors)


def draw(run: RunDirectory, folder: Path, formats: Sequence[str] | None, more: Sequence[str] = ()) -> None:
    """Draw all figures of a run, by default in its own formats; `more` are words of the process's command line.

    Raises UsageError for a folder that cannot be written, RunError with its reason.
    """
    _check_writable(folder)
    asked = formats or [str(name) for name in run.run().get("formats") or () if name != NONE] or ["svg"]
    problem = start([str(run.path), "--to", str(folder), "--format", ",".join(asked), *more]).problem
    if problem:
        raise RunError(f"{run.id}: {problem}")


def draw_comparison(
    runs: Sequence[Path], folder: Path, formats: Sequence[str], goal: float | None = None
) -> tuple[list[str], list[str]]:
    """Draw the comparison of runs. Returns its files and remarks. Raises UsageError or RunError with its reason."""
    arguments = ["--to", str(folder), "--json", "--format", ",".join(formats)]
    arguments += ["--goal", repr(goal)] if goal is not None else []
    done = start([*arguments, "--", *map(str, runs)], module="dltui.exports.comparison")
    if done.problem:
        raise UsageError(done.problem) if done.code == 2 else RunError(done.problem)
    return [str(name) for name in json.loads(done.output)], done.errors.splitlines()


def copy_line(place: str, folders: Iterable[Path]) -> str:
    """The command that copies folders from a `place` (`user@host`), to be typed on the other machine."""
    return f"scp -r {shlex.join(f'{place}:{folder}' for folder in folders)} ."


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another with --to DIR") from error
