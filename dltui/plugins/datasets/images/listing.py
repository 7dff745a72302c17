"""Finds the images of a folder: which split and which class each belongs to, from the names of the folders alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dltui.core.errors import RunError
from dltui.core.text import clean_line

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}

Sample = tuple[str, int]
"""Path of an image and the number of its class."""


@dataclass(frozen=True)
class Listing:
    """`splits` has "train", and "validation" and "test" where they have folders of their own."""

    classes: tuple[str, ...]
    splits: dict[str, list[Sample]]

    @property
    def samples(self) -> list[Sample]:
        return [sample for samples in self.splits.values() for sample in samples]


def list_images(path: str) -> Listing:
    """All images below `path`, in the order of their names. Raises RunError saying what is wrong with the folder."""
    if not path:
        raise RunError("which folder? choose it as folder:PATH")
    root = Path(path)
    if not root.is_dir():
        raise RunError(f"{clean_line(path)} is {'a file, not a folder' if root.exists() else 'not there'}")
    folders = _folders(root)
    splits = _split_folders(root, folders)
    if splits is None:
        classes = _class_folders(root, folders)
        return Listing(tuple(map(clean_line, classes)), {"train": _samples(root, classes, classes)})
    classes = _class_folders(splits["train"], _folders(splits["train"]))
    found = {}
    for split, folder in splits.items():
        there = _class_folders(folder, _folders(folder))
        unknown = [name for name in there if name not in classes]
        if unknown:
            raise RunError(
                f"{clean_line(folder / unknown[0])} is a class that {clean_line(splits['train'])} does not have"
            )
        found[split] = _samples(folder, there, classes)
    return Listing(tuple(map(clean_line, classes)), found)


def _folders(root: Path) -> list[str]:
    """Names of the folders in a folder, numbers in them by their value; hidden ones left out."""
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    except OSError as error:
        raise _unreadable(error, root) from None
    return sorted(names, key=_natural)


def _split_folders(root: Path, names: list[str]) -> dict[str, Path] | None:
    """The folders of the splits, where there are a training one and another; None where these are classes."""
    found = {}
    for split, words in SPLIT_NAMES.items():
        mine = next((name for name in names if name.lower() in words), None)
        if mine is not None:
            found[split] = root / mine
    return found if "train" in found and len(found) > 1 else None


def _class_folders(root: Path, names: list[str]) -> list[str]:
    """Those that hold an image."""
    classes = [name for name in names if next(_images(root / name), None) is not None]
    if not classes:
        loose = next(_images(root, deep=False), None) is not None
        raise RunError(
            f"{clean_line(root)} has "
            + ("images but no folders of classes: put those of each class into a folder of its name" if loose else
               f"no images ({', '.join(ending[1:] for ending in ENDINGS)}) in folders of classes")
        )  # fmt: skip
    if len(classes) < 2:
        raise RunError(f"{clean_line(root)} has one class, {clean_line(classes[0], 60)}; two are needed")
    return classes


def _samples(root: Path, there: list[str], classes: list[str]) -> list[Sample]:
    return [(path, classes.index(name)) for name in there for path in sorted(_images(root / name), key=_natural)]


def _images(folder: Path, deep: bool = True) -> Iterator[str]:
    """Image files by their ending, in folders below too; links to folders are not followed, they may go in circles."""

    def refuse(error: OSError) -> None:
        raise _unreadable(error, folder)

    for place, below, files in os.walk(folder, onerror=refuse):
        below[:] = [name for name in below if name[0] != "."] if deep else []
        yield from (f"{place}{os.sep}{name}" for name in files if name.lower().endswith(ENDINGS) and name[0] != ".")


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """ "10" after "9"."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts], name


def _unreadable(error: OSError, folder: Path) -> RunError:
    reason = (error.strerror or str(error)).lower()
    return RunError(f"cannot read {clean_line(error.filename or folder)}: {reason}")
