"""Looks up by file name whether a dataset's files are on this machine, for lists, without opening anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dltui.core import paths
from dltui.core.paths import _absolute, downloads_dir


class Entry(Protocol):
    """The parts of a catalog entry that are needed here."""

    @property
    def name(self) -> str: ...
    @property
    def files(self) -> Sequence[str]: ...
    @property
    def file_sizes(self) -> Sequence[int]: ...
    @property
    def download_bytes(self) -> int: ...
    @property
    def embedded(self) -> bool: ...
    @property
    def takes(self) -> str: ...
    @property
    def given(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Presence:
    """The location of a dataset: `text` is "here", "embedded", "31 MB download" and the like; `folder` holds
    its files.
    """

    here: bool
    text: str
    folder: Path | None = None


YOURS = Presence(False, "give a path")


def presence(entry: Entry, data_dir: str | None = None) -> Presence:
    """The place from which a run would take this dataset. With a `data_dir` (the flag --data-dir) only that folder
    counts.
    """
    if entry.takes == "name" and entry.given:
        return Presence(True, "by name")
    if entry.takes:
        path = str(entry.given.get("path", ""))
        # A pattern is looked up when it is used.
        there = paths.exists(path) or (entry.takes == "folder" and any(sign in path for sign in "*?{"))
        return Presence(there, "here" if there else "not there") if entry.given else YOURS
    if entry.embedded:
        return Presence(True, "embedded")
    if not entry.files and not entry.download_bytes:
        return Presence(True, "from its plugin")
    for folder in search_folders(entry.name, data_dir):
        if entry.files and _has(folder, entry):
            return Presence(True, "here", folder)
    if data_dir:
        return Presence(False, "not in this folder")
    return Presence(False, megabytes(entry.download_bytes) if entry.download_bytes else "not found")


def is_named(entry: Entry, data_dir: str) -> bool:
    """True if a --data-dir has files of the right names; a run checks their content."""
    folders = search_folders(entry.name, data_dir)
    return any(all(paths.is_file(folder / name) for name in entry.files) for folder in folders)


def _has(folder: Path, entry: Entry) -> bool:
    """True if the files are there by name and, where known, by size; a run checks their content."""
    sizes: Sequence[int | None] = entry.file_sizes or [None] * len(entry.files)
    for name, size in zip(entry.files, sizes, strict=False):
        path = folder / name
        if not paths.is_file(path) or (size is not None and _size(path) != size):
            return False
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def search_folders(dataset: str, data_dir: str | None = None) -> tuple[Path, ...]:
    """The folders to look in, best first: those in an explicit --data-dir only, or else all usual places."""
    folders = data_dirs(data_dir, dataset)
    return within(folders, data_dir) if data_dir else folders


def within(folders: Sequence[Path], data_dir: str) -> tuple[Path, ...]:
    """The folders that lie in `data_dir`: with an explicit folder nothing is taken from elsewhere."""
    # As paths makes them absolute: without following links.
    root = os.path.abspath(os.path.expanduser(data_dir))  # noqa: PTH100, PTH111
    return tuple(folder for folder in folders if folder.is_relative_to(root))


def megabytes(count: int) -> str:
    return f"{max(1, round(count / 1e6)):,} MB download"


def data_dirs(explicit: str | None, dataset: str) -> tuple[Path, ...]:
    """Absolute folders to look for a dataset's files in, best first: --data-dir, DLTUI_DATA, own downloads, then where
    torchvision and Keras keep theirs. Files of the same name are told apart by their checksums, not by the folder."""
    found: dict[Path, None] = {}
    for root in _roots(explicit):
        found[root / dataset] = None
        found[root] = None
        for folder in _same_name(root, dataset):
            found[folder] = None
    return tuple(found)


def _roots(explicit: str | None) -> Iterator[Path]:
    if explicit:
        yield _absolute(explicit)
    for entry in os.environ.get("DLTUI_DATA", "").split(os.pathsep):
        if entry:
            yield _absolute(entry)
    yield downloads_dir()
    # The root that torchvision's examples use.
    yield _absolute("data")
    yield _absolute("~/data")
    yield _absolute(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


def _same_name(root: Path, dataset: str) -> list[Path]:
    """The folders whose names differ from the dataset's in case and punctuation only: torchvision's
    `FashionMNIST/raw`.
    """
    wanted = _letters(dataset)
    try:
        names = sorted(entry.name for entry in os.scandir(root) if _letters(entry.name) == wanted and entry.is_dir())
    except OSError:
        return []
    folders = [folder for name in names for folder in (root / name, root / name / "raw")]
    return [folder for folder in folders if paths.is_folder(folder)]


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
