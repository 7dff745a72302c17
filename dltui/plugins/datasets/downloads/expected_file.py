"""A file that a dataset consists of: its name, its size, its checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownFile:
    name: str
    size: int
    sha256: str


def problem(path: Path, file: KnownFile) -> str | None:
    """The problem of a file, in a few words; None when it is the known file."""
    try:
        if not path.is_file():
            return "is not a file" if path.exists() else "is missing"
        size = path.stat().st_size
        if size < file.size:
            return f"is truncated or another dataset's: {size:,} of {file.size:,} bytes"
        if size > file.size:
            return f"is another dataset's: {size:,} bytes instead of {file.size:,}"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return None if digest == file.sha256 else "is corrupted or another dataset's: its SHA-256 differs"
