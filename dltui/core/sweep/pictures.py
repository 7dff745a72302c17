"""Draws the pictures of a sweep in a process of its own, as figures of runs are drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.sweep import folder as folders
from dltui.core.text import clean_line

SECONDS = 300.0


def default_folder(name: str) -> Path:
    """The folder of the pictures: beside the figures of the runs."""
    return Path(folders.find(name).request().exports) / name


def draw(name: str, to: Path | None = None) -> Path:
    """Draw the pictures as SVG; returns their folder. Raises UsageError."""
    folder = default_folder(name) if to is None else Path(paths.absolute(str(to)))
    command = [sys.executable, "-P", "-m", "dltui.exports.sweeps", name, str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"pictures not drawn: {clean_line(error, 200)}") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise UsageError(f"pictures not drawn: {clean_line(lines[-1].removeprefix('dltui: '), 300)}")
    return folder
