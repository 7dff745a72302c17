"""A disk that remembers: every call is done and noted, so that any crash on the way can be played back."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dltui.core.fs import FileSystem

Call = tuple[Any, ...]
Choose = Callable[[bool, int], int]
"""Of a file (False) or folder (True) with n possible contents, which one the disk holds after the crash."""


class Recorder(FileSystem):
    """The real file system, and a list of what was asked of it. Descriptors get numbers that are never used again."""

    def __init__(self) -> None:
        self.trace: list[Call] = []
        self._handles: dict[int, int] = {}
        self._lock = threading.RLock()

    def _call(self, name: str, *arguments: Any) -> Any:
        """One call that changes something; tests make it fail here."""
        return getattr(super(), name)(*arguments)

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        with self._lock:
            kind = "create" if not path.exists() else "truncate" if flags & os.O_TRUNC else "open"
            fd = int(self._call("open", path, flags, mode))
            self._handles[fd] = len(self.trace)
            self.trace.append((kind, path, len(self.trace)))
            return fd

    def write(self, fd: int, data: memoryview | bytes) -> int:
        with self._lock:
            count = int(self._call("write", fd, data))
            self.trace.append(("write", self._handles[fd], bytes(data[:count])))
            return count

    def fsync(self, fd: int) -> None:
        with self._lock:
            if fd not in self._handles:
                # A folder's, inside of fsync_dir.
                super().fsync(fd)
                return
            self._call("fsync", fd)
            self.trace.append(("fsync", self._handles[fd]))

    def close(self, fd: int) -> None:
        with self._lock:
            super().close(fd)
            self._handles.pop(fd, None)

    def rename(self, old: Path, new: Path) -> None:
        self._name("rename", old, new)

    def link(self, old: Path, new: Path) -> None:
        self._name("link", old, new)

    def unlink(self, path: Path) -> None:
        self._name("unlink", path)

    def mkdir(self, path: Path) -> None:
        self._name("mkdir", path)

    def rmdir(self, path: Path) -> None:
        self._name("rmdir", path)

    def fsync_dir(self, path: Path) -> None:
        self._name("fsync_dir", path)

    def _name(self, name: str, *paths: Path) -> None:
        with self._lock:
            self._call(name, *paths)
            self.trace.append((name, *paths))

    def close_all(self) -> None:
        """What the end of the process would close."""
        for fd in list(self._handles):
            with contextlib.suppress(OSError):
                self.close(fd)


class File:
    """`versions[0]` is on the disk for certain, the last is what processes see."""

    def __init__(self, content: bytes = b"") -> None:
        self.versions = [content]

    def write(self, data: bytes) -> None:
        before = self.versions[-1]
        self.versions += [before + data[: len(data) // 2], before + data]


class Folder:
    """Names and what they stand for, likewise in versions."""

    def __init__(self, entries: dict[str, Any]) -> None:
        self.versions: list[dict[str, Any]] = [entries]

    def change(self) -> dict[str, Any]:
        self.versions.append(dict(self.versions[-1]))
        return self.versions[-1]


class SimulatedDisk:
    """Plays calls on a model of a disk on which nothing is certain that was not synced, in no order between files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = _load(root)
        self._files: dict[int, File] = {}

    def apply(self, call: Call) -> None:
        name, *arguments = call
        handler = getattr(self, f"_{name}", None)
        if handler is not None:
            handler(*arguments)

    def after_crash(self, choose: Choose, target: Path) -> None:
        """Write to `target` what a crash at this point leaves."""
        _store(self.top, choose, target)

    def digest(self, choose: Choose) -> int:
        """Equal for crashes that leave the same."""
        return hash(_freeze(self.top, choose))

    def _folder(self, path: Path) -> Folder:
        found = self.top
        for part in path.relative_to(self.root).parts:
            found = found.versions[-1][part]
        return found

    def _create(self, path: Path, handle: int) -> None:
        self._folder(path.parent).change()[path.name] = self._files.setdefault(handle, File())

    def _open(self, path: Path, handle: int) -> None:
        self._files[handle] = self._folder(path.parent).versions[-1][path.name]

    def _truncate(self, path: Path, handle: int) -> None:
        self._open(path, handle)
        self._files[handle].versions.append(b"")

    def _write(self, handle: int, data: bytes) -> None:
        self._files[handle].write(data)

    def _fsync(self, handle: int) -> None:
        self._files[handle].versions = self._files[handle].versions[-1:]

    def _fsync_dir(self, path: Path) -> None:
        folder = self._folder(path)
        folder.versions = folder.versions[-1:]

    def _rename(self, old: Path, new: Path) -> None:
        assert old.parent == new.parent, "the commit protocol renames within one folder"
        entries = self._folder(old.parent).change()
        entries[new.name] = entries.pop(old.name)

    def _link(self, old: Path, new: Path) -> None:
        entries = self._folder(old.parent).change()
        entries[new.name] = entries[old.name]

    def _unlink(self, path: Path) -> None:
        self._folder(path.parent).change().pop(path.name, None)

    _rmdir = _unlink

    def _mkdir(self, path: Path) -> None:
        self._folder(path.parent).change()[path.name] = Folder({})


def _load(path: Path) -> Any:
    if path.is_dir():
        return Folder({entry.name: _load(entry) for entry in path.iterdir()})
    return File(path.read_bytes())


def _pick(node: File | Folder, choose: Choose) -> Any:
    return node.versions[choose(isinstance(node, Folder), len(node.versions))]


def _store(node: File | Folder, choose: Choose, path: Path) -> None:
    found = _pick(node, choose)
    if isinstance(node, File):
        path.write_bytes(found)
        return
    path.mkdir(mode=0o700)
    for name, inner in found.items():
        _store(inner, choose, path / name)


def _freeze(node: File | Folder, choose: Choose) -> Any:
    found = _pick(node, choose)
    if isinstance(node, File):
        return found
    return tuple((name, _freeze(inner, choose)) for name, inner in sorted(found.items()))


def crashes(seed: int) -> Iterator[tuple[str, Callable[[], Choose]]]:
    """The kinds of crash that are tried at each point. A kill loses nothing that was written; a power cut loses any
    part of what was not synced."""
    yield "kill", lambda: lambda is_folder, count: count - 1
    yield "cut", lambda: lambda is_folder, count: 0
    yield "cut, names kept", lambda: lambda is_folder, count: count - 1 if is_folder else 0
    for number in range(3):
        yield "cut, some kept", functools.partial(_some, 3 * seed + number)


def _some(seed: int) -> Choose:
    generator = random.Random(seed)
    return lambda is_folder, count: generator.randrange(count)
