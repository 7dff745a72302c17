"""The file in which a worker keeps what the evaluation of each epoch showed: a line per epoch, for replays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.rundir.log import encode

TYPE = "epoch_seen"
NAME = "epochs.jsonl"
"""In the folder of the predictions."""


def append(folder: Path, record: dict[str, Any], attempt: int) -> None:
    """Add a record, whose `seq` is its epoch. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = fs.FS.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        # A line that a killed worker left unfinished stays a line of its own.
        fs.append_all(fd, b"\n" + encode({**record, "attempt": attempt}))
    finally:
        fs.FS.close(fd)
