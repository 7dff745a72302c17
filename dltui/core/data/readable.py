"""The parts of the key of prepared data that say what could be read: files that could not be are left out, and are to
be read once they can.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

OWN_DECODERS = (".heic", ".heif", ".avif", ".tar")
"""The endings of files that not each installation can read, and of archives that may hold such files."""


def stamp(path: Path) -> tuple[Any, ...]:
    """A file's path, size in bytes, time of its last change in ns, and who may read it: its mode, owner and group.
    Raises OSError for a file that is not there.
    """
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns, status.st_mode, status.st_uid, status.st_gid


def decoders(files: Sequence[Path]) -> list[str]:
    """The formats of these files, of those that not each installation can read, that this one can."""
    if not any(path.suffix.lower() in OWN_DECODERS for path in files):
        return []
    from dltui.core.data import image_file

    return [name for name in ("AVIF", "HEIF") if name in image_file.formats()]
