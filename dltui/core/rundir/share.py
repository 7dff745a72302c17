"""Shares a run with the user's group: what is written to it is readable for the group, and writable only for
the user.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dltui.core import fs
from dltui.core.errors import UsageError

GROUP = "group"
FILE, FOLDER, PASSAGE = 0o640, 0o750, 0o010


class GroupReadable(fs.FileSystem):
    """A file system that sets the modes for the group, whatever the umask."""

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        fd = super().open(path, flags, mode)
        # The mode of files that are only read is left alone: they may belong to another user.
        if flags & os.O_CREAT:
            with contextlib.suppress(OSError):
                os.fchmod(fd, FILE)
        return fd

    def mkdir(self, path: Path) -> None:
        super().mkdir(path)
        path.chmod(FOLDER)


def check(word: str | None) -> str | None:
    """The word itself, if it is a known way to share. Raises UsageError."""
    if word not in (None, GROUP):
        raise UsageError(f"--share can be group, got {word!r}")
    return word


@contextlib.contextmanager
def writing(word: object) -> Iterator[None]:
    """Write a run with the permissions that the "share" entry of its run.json (`word`) asks for."""
    if word != GROUP:
        yield
        return
    with fs.use(GroupReadable()):
        yield


def file_mode(word: object) -> int:
    return FILE if word == GROUP else 0o600


def open_way(run_dir: Path, private: Path) -> str:
    """Let the group pass through the folders up to `private` (dltui's own), without listing them. Returns the reason
    why they still cannot reach the run, or "".
    """
    for folder in (run_dir.parent, *run_dir.parent.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & 0o011:
            continue
        if private != folder and private not in folder.parents:
            return f"the group cannot reach it: {folder} is closed; open it with: chmod g+x {folder}"
        try:
            folder.chmod(mode | PASSAGE)
        except OSError as error:
            return f"the group cannot reach it: {folder}: {error.strerror}"
    return ""
