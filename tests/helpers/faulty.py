"""A file system whose Nth call fails, or ends the process there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from dltui.core.fs import FileSystem

CALLS = ("open", "write", "fsync", "rename", "link", "unlink", "mkdir")


class FaultyFileSystem(FileSystem):
    """Counts the calls; the one with number `fail_at` (from 0) raises `code`. `torn` writes half of the bytes first."""

    def __init__(self, fail_at: int | None = None, code: int = errno.ENOSPC, torn: bool = False) -> None:
        self.fail_at = fail_at
        self.code = code
        self.torn = torn
        self.count = 0
        self.trace: list[tuple[str, str]] = []

    def _call(self, name: str, *arguments: Any) -> Any:
        number, self.count = self.count, self.count + 1
        self.trace.append((name, str(arguments[0])))
        if number == self.fail_at:
            if name == "write" and self.torn:
                super().write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            raise OSError(self.code, os.strerror(self.code))
        return getattr(super(), name)(*arguments)

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        return int(self._call("open", path, flags, mode))

    def write(self, fd: int, data: memoryview | bytes) -> int:
        return int(self._call("write", fd, data))

    def fsync(self, fd: int) -> None:
        self._call("fsync", fd)

    def rename(self, old: Path, new: Path) -> None:
        self._call("rename", old, new)

    def link(self, old: Path, new: Path) -> None:
        self._call("link", old, new)

    def unlink(self, path: Path) -> None:
        self._call("unlink", path)

    def mkdir(self, path: Path) -> None:
        self._call("mkdir", path)
