"""Starts the process that draws the figures of a run, and passes on why it could not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from dltui.core.rundir.directory import RunDirectory

    Written = dict[str, Any]


def draw(run: RunDirectory, folder: Path, formats: list[str] | None, more: Sequence[str] = ()) -> None:
    """Start the process that draws; `more` are words of its command line. Raises UsageError for a folder that cannot be
    written, RunError with its reason."""
    _writable(folder)
    command = [sys.executable, "-P", "-m", "dltui.exports", str(run.path), "--to", str(folder), *more]
    if formats:
        command += ["--format", ",".join(formats)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise RunError(f"{run.id}: {reason.removeprefix('dltui: ')}")


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another with --to DIR") from error
