"""Walks through folders of images; files that are not read are counted by their kind."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dltui.core.errors import RunError
from dltui.core.text import clean_line

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".jpe", ".jfif", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif"),
)
LITTER = ("thumbs.db", "desktop.ini")
"""The names, in lowercase, that operating systems leave in every folder, beside hidden files."""
THUMBNAILS = ("@eadir", ".@__thumb", ".thumbnails", "__macosx")
"""The folders, in lowercase, in which NAS systems, desktops and macOS keep thumbnails and attributes of images."""
DOUBLE = "._"
"""Before the name of a file in which macOS keeps the attributes of another."""
MOST_KINDS = 6


@dataclass
class Found:
    """The paths of images, and the number of other files by kind; `copies` are thumbnails of a system."""

    images: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.others.total() + self.copies.total()

    def add(self, other: Found) -> None:
        """Add the counts of another folder."""
        self.others += other.others
        self.copies += other.copies

    def kinds(self) -> str:
        """The kinds by frequency: "12 .tga, 3 .txt"."""
        most = sorted(
            (self.others + self.copies).items(), key=lambda item: (-item[1], not item[0].startswith("."), item[0])
        )
        named = [f"{count:,} {clean_line(kind, 30)}" for kind, count in most[:MOST_KINDS]]
        rest = sum(count for _, count in most[MOST_KINDS:])
        return ", ".join([*named, *([f"{rest:,} others"] if rest else [])])


def existing(path: str) -> Path:
    """The folder at a path of the user's. Raises RunError where there is none."""
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A ValueError is told of text that no file can be called, as with a NUL in it.
        raise RunError(f"{clean_line(path)} is not there") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"cannot read {clean_line(path)}: {reason}") from None
    if not stat.S_ISDIR(mode):
        raise RunError(f"{clean_line(path)} is a file, not a folder")
    return Path(path)


def folders(root: Path) -> list[str]:
    """The names of the folders in a folder, numbers in them sorted by value; hidden folders left out."""
    inside = os.path.realpath(root)
    names = [
        entry.name
        for entry in _entries(root)
        if _is_folder(entry) and not (entry.is_symlink() and _around(entry, inside))
    ]
    return sorted(names, key=natural)


def walk(folder: Path, deep: bool = True) -> Found:
    """The images of a folder by their ending, including subfolders and links, each folder once."""
    found = Found()
    for entry in _files(folder, deep, found.copies):
        _, dot, ending = entry.name.lower().rpartition(".")
        ending = dot + ending if dot else ""
        if not _is_file(entry):
            found.others["broken link" if entry.is_symlink() else "of no ordinary kind"] += 1
        elif ending in ENDINGS:
            found.images.append(entry.path)
        else:
            found.others[ending or "without an ending"] += 1
    found.images.sort(key=natural)
    return found


def holds_image(folder: Path) -> bool:
    """True if there is an image in a folder or below it."""
    return any(entry.name.lower().endswith(ENDINGS) and _is_file(entry) for entry in _files(folder, True))


def is_hidden(name: str) -> bool:
    """True for a file or folder that systems and programs keep for themselves."""
    return name.startswith(".") or name.lower() in (*LITTER, *THUMBNAILS)


def _files(folder: Path, deep: bool, copies: Counter[str] | None = None) -> Iterator[os.DirEntry[str]]:
    """The files of a folder; thumbnails of a system, which are left out, are added to `copies`."""
    top = os.path.realpath(folder)
    seen, pending = {top}, [os.fspath(folder)]
    while pending:
        for entry in _entries(pending.pop(), copies):
            if not _is_folder(entry):
                yield entry
            elif deep:
                real = os.path.realpath(entry.path)
                if real not in seen and not _around(entry, top):
                    seen.add(real)
                    pending.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself.
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _around(entry: os.DirEntry[str], inside: str) -> bool:
    """True if a link leads to a folder that is, or contains, `inside`: following it would go in circles."""
    real = os.path.realpath(entry.path)
    return os.path.commonpath([real, inside]) == real


def _entries(folder: Path | str, copies: Counter[str] | None = None) -> list[os.DirEntry[str]]:
    """The visible entries of a folder. Raises RunError."""
    try:
        with os.scandir(folder) as entries:
            every = list(entries)
        if copies is not None:
            for entry in every:
                _count_copies(entry, copies)
        return [entry for entry in every if not is_hidden(entry.name)]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"cannot read {clean_line(error.filename or folder)}: {reason}") from None


def _count_copies(entry: os.DirEntry[str], copies: Counter[str]) -> None:
    """Count the files with the ending of an image that a system keeps in, or as, this entry."""
    if entry.name.lower() in THUMBNAILS and _is_folder(entry):
        names = [name for _, _, files in os.walk(entry.path) for name in files]
        kind = f"in {entry.name}"
    else:
        names, kind = [entry.name] if entry.name.startswith(DOUBLE) else [], f"{DOUBLE}*"
    count = sum(name.lower().endswith(ENDINGS) for name in names)
    if count:
        copies[kind] += count


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that puts "10" after "9"."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts], name
