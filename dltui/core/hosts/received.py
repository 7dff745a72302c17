"""What an answer of another host brings for the copy of a run: its fields, checked, and the end of a log."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.hosts import files, wire


def place(log: Path) -> dict[str, int]:
    """The end of a log as far as it has been copied: its offset, and a checksum of what lies before it."""
    try:
        with fs.open_to_read(log) as file:
            size = file.seek(0, os.SEEK_END)
            tail = min(size, files.TAIL)
            file.seek(size - tail)
            return {"at": size, "tail": tail, "crc": zlib.crc32(file.read(tail))}
    except OSError:
        return {"at": 0, "tail": 0, "crc": 0}


def append_log(log: Path, found: dict[str, Any]) -> bool:
    """Append to the copy of a log, or begin it anew. True if there is more of it. Raises WireError for what does not
    fit behind the copy.
    """
    data, start, size = wire.from_json(found), number(found, "from"), number(found, "size")
    old = log.stat().st_size if log.exists() else 0
    if start == old:
        if data or not log.exists():
            write_end(log, data)
    elif start == 0:
        # Another file, so that readers begin anew too.
        fs.write_atomic(log, data, sync=False)
    else:
        raise wire.WireError("a log that does not fit")
    return bool(data) and start + len(data) < size


def write_end(path: Path, data: bytes) -> None:
    """Append bytes to a file, which is made if it is not there."""
    fd = fs.FS.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        fs.append_all(fd, data)
    finally:
        fs.FS.close(fd)


def table(found: object, name: str) -> dict[str, Any]:
    """The object called `name` of an answer; {} where it is left out. Raises WireError for anything else."""
    value = found.get(name, {}) if isinstance(found, dict) else None
    if not isinstance(value, dict):
        raise wire.WireError(f"an answer without {name}")
    return value


def number(found: dict[str, Any], name: str) -> int:
    """The whole number, 0 or more, that an answer must have. Raises WireError without it."""
    value = found.get(name)
    if type(value) is not int or value < 0:
        raise wire.WireError(f"an answer without {name}")
    return value


def attempt(value: object) -> int:
    """The number of an attempt; 0 for what is none, as in the answer of an older version."""
    return value if type(value) is int and 0 < value < 1 << 31 else 0


def by_own_clock(when: float, ahead: float) -> float:
    """A time of a host by the clock of this one; 0 stays "unknown"."""
    return when - ahead if when else when


def seconds(value: object) -> float:
    """Unix seconds; 0, "unknown", for what is no time."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0.0
