"""What lists have read of runs that have ended, kept in the cache with a stamp of the files that it was made of."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from dltui.core import fs, paths
from dltui.core.errors import DltuiError
from dltui.core.version import __version__

Stamp = list[int]
Kept = dict[str, tuple[Stamp, dict[str, Any]]]
"""The stamp and the values of each run, by its name."""
_MOST_BYTES = 256 << 20


def load(kind: str) -> Kept:
    """What was kept of one kind; nothing if the file is not exactly as this version of dltui wrote it."""
    try:
        head, _, body = fs.read_limited(_file(kind), _MOST_BYTES).partition(b"\n")
        if head != _seal(body):
            return {}
        return {name: (numbers, values) for name, (numbers, values) in json.loads(body).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def save(kind: str, keep: Kept) -> None:
    """Store what is kept of one kind; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError, DltuiError, ValueError):
        body = json.dumps(keep, separators=(",", ":"), allow_nan=False).encode("ascii")
        paths.ensure_private_dir(_file(kind).parent)
        fs.write_atomic(_file(kind), _seal(body) + b"\n" + body, sync=False)


def _file(kind: str) -> Path:
    """The file of a kind, separate for each home, because several may share a cache."""
    home = hashlib.sha256(os.fsencode(paths.runs_dir())).hexdigest()[:16]
    return paths.cache_dir() / kind / f"{home}.json"


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(__version__.encode() + b"\n" + body).hexdigest().encode()
