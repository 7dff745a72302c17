"""Whether a dataset's files are on this machine, for lists: looked up by file name, without opening anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dltui.core import paths


class Entry(Protocol):
    """What a catalog entry tells of a dataset."""

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
    """`text` is "here", "embedded", "31 MB download" and the like; `folder` is where its files lie."""

    here: bool
    text: str
    folder: Path | None = None


YOURS = Presence(False, "give a path")


def presence(entry: Entry, data_dir: str | None = None) -> Presence:
    """Where a run would take this dataset from. With a `data_dir` (the flag --data-dir) only that folder counts."""
    if entry.takes:
        path = Path(str(entry.given.get("path", "")))
        return Presence(path.exists(), "here" if path.exists() else "not there") if entry.given else YOURS
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
    """Whether a --data-dir has files of the right names: if their content is not right, a run says what is wrong."""
    folders = search_folders(entry.name, data_dir)
    return any(all((folder / name).is_file() for name in entry.files) for folder in folders)


def _has(folder: Path, entry: Entry) -> bool:
    """Whether the files are there by name and, where that is known, by size; their content is for a run to check."""
    sizes: Sequence[int | None] = entry.file_sizes or [None] * len(entry.files)
    for name, size in zip(entry.files, sizes, strict=False):
        path = folder / name
        if not path.is_file() or (size is not None and path.stat().st_size != size):
            return False
    return True


def search_folders(dataset: str, data_dir: str | None = None) -> tuple[Path, ...]:
    """The folders to look in, best first: those in an explicit --data-dir only, or else all usual places."""
    folders = paths.data_dirs(data_dir, dataset)
    return within(folders, data_dir) if data_dir else folders


def within(folders: Sequence[Path], data_dir: str) -> tuple[Path, ...]:
    """Those of `folders` that lie in `data_dir`: with an explicit folder nothing is taken from elsewhere."""
    # As paths makes them absolute: without following links.
    root = os.path.abspath(os.path.expanduser(data_dir))  # noqa: PTH100, PTH111
    return tuple(folder for folder in folders if folder.is_relative_to(root))


def megabytes(count: int) -> str:
    return f"{max(1, round(count / 1e6)):,} MB download"
