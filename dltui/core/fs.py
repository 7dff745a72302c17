"""Writing that survives a power cut: temp in the same folder, write, fsync, rename, fsync the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileSystem:
    """The system calls that can fail. A test replaces the object to make the Nth one fail."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)

    def write(self, fd: int, data: memoryview | bytes) -> int:
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def mkdir(self, path: Path) -> None:
        path.mkdir(mode=FOLDER_MODE)


_current = FileSystem()


@contextlib.contextmanager
def use(system: FileSystem) -> Iterator[None]:
    """Go through `system` instead of the real one."""
    global _current
    before, _current = _current, system
    try:
        yield
    finally:
        _current = before


def system() -> FileSystem:
    return _current


def append_all(fd: int, data: bytes) -> None:
    """Write all of `data`; the system may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[_current.write(fd, view) :]


def sync_dir(path: Path) -> None:
    """Make renames in a folder permanent."""
    fd = _current.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _current.fsync(fd)
    finally:
        os.close(fd)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file and fsync it. Not atomic: for files in a folder that is committed as a whole."""
    fd = _current.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        append_all(fd, data)
        _current.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes, sync: bool = True) -> None:
    """Replace `path` by `data`: a reader sees the old bytes or the new ones, also after a power cut.

    With `sync` false the bytes may be lost in a power cut, never mixed. Raises OSError; `path` is then as before.
    """
    temp = temp_beside(path)
    try:
        fd = _current.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            append_all(fd, data)
            if sync:
                _current.fsync(fd)
        finally:
            os.close(fd)
        _current.replace(temp, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temp.unlink()
        raise
    if sync:
        sync_dir(path.parent)


def create_exclusive(path: Path, data: bytes) -> None:
    """Make `path` with all its bytes at once; FileExistsError when it is there already. Works on NFS."""
    temp = temp_beside(path)
    try:
        write_file(temp, data)
        _current.link(temp, path)
    finally:
        with contextlib.suppress(OSError):
            temp.unlink()
    sync_dir(path.parent)


def commit_dir(temp: Path, final: Path) -> None:
    """Give a folder of fsynced files its final name. Raises OSError; `temp` is then still there."""
    sync_dir(temp)
    _current.replace(temp, final)
    sync_dir(final.parent)


def remove_tree(path: Path) -> None:
    """Remove a folder whose absence must not be mistaken for damage: it loses its name first."""
    trash = temp_beside(path)
    try:
        path.rename(trash)
    except OSError:
        trash = path
    shutil.rmtree(trash, ignore_errors=True)


def temp_beside(path: Path) -> Path:
    """A name in the same folder that nothing else has."""
    return path.with_name(f".tmp-{secrets.token_hex(6)}")


def free_bytes(path: Path) -> int:
    """What this user may still write there; 0 when it cannot be told."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def is_disk_full(error: BaseException) -> bool:
    """No space, quota used up, or file-size limit reached."""
    return isinstance(error, OSError) and error.errno in FULL
