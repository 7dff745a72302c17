"""Bounds what mirrors take of the disk: those that nobody has used for long go, and the oldest where all take too
much.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from dltui.core import fs
from dltui.core.rundir import claim

LOCK = "mirror.lock"
MOST_BYTES = 4 << 30
"""All mirrors together. That of a run of usual size has 1 to 50 MB, one with large predictions up to 1 GB: hundreds of
the first fit, and the predictions of a few, in what the disk of a laptop can spare.
"""
_STALE_SECONDS = 30 * 86_400.0
_FRESH_SECONDS = 600.0
"""A mirror of now: a process begins to keep it, or reads it after its only look."""


def clean(mirrors: Path, own: Path) -> None:
    """Remove mirrors below `mirrors`, a folder of folders of hosts: all that were used long ago, then the oldest until
    the rest has at most `MOST_BYTES`. `own` stays, and so do those that a process keeps or has used just now.
    """
    now, total = time.time(), 0
    for used, mirror in sorted(_with_times(mirrors), reverse=True):
        total += size(mirror)
        if (total > MOST_BYTES or now - used > _STALE_SECONDS) and mirror != own and now - used > _FRESH_SECONDS:
            total -= _remove(mirror)


def _with_times(mirrors: Path) -> Iterator[tuple[float, Path]]:
    """The mirrors of all hosts, each with the unix time of its last use."""
    for host in _folders(mirrors):
        for mirror in _folders(host):
            with contextlib.suppress(OSError):
                told = mirror / claim.TOLD
                yield (told if told.exists() else mirror).stat().st_mtime, mirror


def _folders(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def size(folder: Path) -> int:
    """The bytes of the files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many files
    return total


def _remove(mirror: Path) -> int:
    """Remove a mirror that nobody keeps. Returns the bytes that this has freed."""
    before = size(mirror)
    with contextlib.suppress(OSError):
        if not _is_kept(mirror):
            fs.remove_dir(mirror)
    return before - size(mirror)


def _is_kept(mirror: Path) -> bool:
    """True if a process keeps a mirror up to date. Raises OSError."""
    fd = os.open(mirror / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
