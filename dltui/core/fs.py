"""All writes that must survive a crash or a power cut, through a file system object that tests can make fail."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeGuard

_FULL_FSYNC = getattr(fcntl, "F_FULLFSYNC", None)
_NO_ROOM = {errno.ENOSPC: "disk full", errno.EDQUOT: "quota reached", errno.EFBIG: "file-size limit reached"}
_BLOCK = 1 << 20
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

NO_LIMIT = 1 << 62
"""The free bytes of a disk that tells of no size, such as some FUSE disks: only writing shows what it takes."""


class FileSystem:
    """The calls that change a disk, a method each. All raise OSError."""

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write some of the bytes, and return how many."""
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        if _FULL_FSYNC is not None:
            # On macOS fsync alone leaves the data in the drive's own cache.
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, _FULL_FSYNC)
                return
        os.fsync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Rename atomically; replaces a file or an empty folder."""
        os.rename(old, new)  # noqa: PTH104

    def link(self, old: Path, new: Path) -> None:
        """Create a hard link; fails when `new` exists."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def mkdir(self, path: Path) -> None:
        path.mkdir(mode=0o700)

    def rmdir(self, path: Path) -> None:
        path.rmdir()

    def fsync_dir(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.fsync(fd)
        except OSError as error:
            # Some network and FUSE disks have no fsync of a folder; they order renames themselves.
            if error.errno not in _NO_FSYNC:
                raise
        finally:
            os.close(fd)

    def free_bytes(self, path: Path) -> int:
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize if found.f_blocks else NO_LIMIT


FS = FileSystem()


@contextlib.contextmanager
def use(file_system: FileSystem) -> Iterator[FileSystem]:
    """Replace the file system of the whole process for a while."""
    global FS
    before, FS = FS, file_system
    try:
        yield file_system
    finally:
        FS = before


def append_all(fd: int, data: bytes) -> None:
    """Write everything, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[FS.write(fd, view) :]


def write_new(path: Path, data: bytes, sync: bool = True) -> None:
    """Create a file, mode 0600, whose content is on the disk on return. Raises FileExistsError when it exists."""
    fd = FS.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        append_all(fd, data)
        if sync:
            FS.fsync(fd)
    finally:
        FS.close(fd)


def write_atomic(path: Path, data: bytes, sync: bool = True) -> None:
    """Replace a file: a crash leaves the old or the new content; without `sync` a power cut may lose both."""
    temp = temp_name(path)
    try:
        write_new(temp, data, sync)
        FS.rename(temp, path)
    except BaseException:
        # A failed fsync is not tried again on the same file: the kernel may have dropped the data.
        with contextlib.suppress(OSError):
            FS.unlink(temp)
        raise
    if sync:
        FS.fsync_dir(path.parent)


def commit_dir(temp: Path, final: Path, locked: str = "") -> None:
    """Give a finished folder its final name, in the same parent; after any crash it is complete or absent. A file of
    the name `locked` is not opened: closing it would free a lock that this process holds on it.
    """
    for file in sorted(path for path in temp.iterdir() if path.name != locked):
        if file.is_dir():
            FS.fsync_dir(file)
            continue
        fd = FS.open(file, os.O_RDONLY)
        try:
            FS.fsync(fd)
        finally:
            FS.close(fd)
    FS.fsync_dir(temp)
    FS.rename(temp, final)
    FS.fsync_dir(final.parent)


def remove_dir(path: Path) -> None:
    """Remove a folder and its content; links are removed, not followed, the folder itself included."""
    if path.is_symlink():
        FS.unlink(path)
        return
    for entry in list(os.scandir(path)):
        if entry.is_dir(follow_symlinks=False):
            remove_dir(Path(entry.path))
        else:
            FS.unlink(Path(entry.path))
    FS.rmdir(path)


def open_regular(path: Path) -> int:
    """A descriptor of a regular file for reading. Raises OSError for anything else: opening a pipe would block."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return fd


def open_to_read(path: Path) -> BinaryIO:
    """A regular file for reading. Raises OSError."""
    return os.fdopen(open_regular(path), "rb")


def read_limited(path: Path, most: int) -> bytes:
    """The bytes of a file, at most `most`; the file may come from another user. Raises OSError when it is larger, or no
    regular file.
    """
    fd = open_regular(path)
    try:
        if os.fstat(fd).st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most} bytes", str(path))
        blocks = []
        # A file may grow while it is read.
        while most >= 0 and (block := os.read(fd, min(most + 1, _BLOCK))):
            blocks.append(block)
            most -= len(block)
    finally:
        os.close(fd)
    if most < 0:
        raise OSError(errno.EFBIG, "grows while it is read", str(path))
    return b"".join(blocks)


def sweep(folder: Path, seconds: float = 60.0) -> None:
    """Remove the temporary files in a folder that a killed process left; what was touched a moment ago may be used."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            with contextlib.suppress(OSError):
                old = time.time() - entry.stat(follow_symlinks=False).st_mtime > seconds
                if is_temp(entry.name) and old and not entry.is_dir(follow_symlinks=False):
                    FS.unlink(Path(entry.path))


def temp_name(path: Path) -> Path:
    """An unused name beside `path` that readers ignore."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def is_temp(name: str) -> bool:
    """True if a file name was made by `temp_name`."""
    return name.startswith(".") and name.endswith(".tmp")


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write on the disk of `path`; NO_LIMIT where the disk does not tell."""
    return FS.free_bytes(path)


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """True if the error means that the disk is full, the quota reached, or the file too large."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def no_room(error: OSError) -> str:
    """The words for an error of `is_disk_full`: "disk full", "quota reached", or "file-size limit reached"."""
    return _NO_ROOM.get(error.errno or 0, "disk full")


def changed(folder: Path) -> float:
    """The unix time at which a folder, or anything below it, changed last. Raises OSError."""
    times = [folder.stat().st_mtime]
    for entry in list(os.scandir(folder)):
        with contextlib.suppress(FileNotFoundError):
            inner = entry.is_dir(follow_symlinks=False)
            times.append(changed(Path(entry.path)) if inner else entry.stat(follow_symlinks=False).st_mtime)
    return max(times)
