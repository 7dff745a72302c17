"""Lists the images of a folder, with split and class from the names of the folders alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.datasets.images.items import Source
from dltui.plugins.datasets.images.walk import ENDINGS, Found, existing, folders, holds_image, natural, walk

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}
DEEPEST = 10
MOST_NAMED = 5

Sample = tuple[Source, int]
"""The place of an image and the number of its class."""


@dataclass(frozen=True)
class Listing:
    """The images of a folder. `splits` has "train", and "validation" and "test" where they have their own folders;
    `notes` name all other files in it.
    """

    classes: tuple[str, ...]
    splits: dict[str, list[Sample]]
    notes: tuple[str, ...] = ()

    @property
    def samples(self) -> list[Sample]:
        return [sample for samples in self.splits.values() for sample in samples]


class Labeled(NamedTuple):
    """An image with the name of its class, as a table or an archive has it; `place` says where, for messages."""

    source: Source
    label: str
    split: str
    place: str


def listing_of(rows: Sequence[Labeled], where: str, notes: Sequence[str], order: Sequence[str] = ()) -> Listing:
    """The listing of labeled images; the classes are in the given `order`, others behind them by name. Raises RunError
    for fewer than two classes, for a class that the train part does not have, and for parts without a train part.
    """
    places = {name: place for place, name in enumerate(order)}
    labels = {row.label for row in rows if row.split == "train"}
    classes = sorted(labels, key=lambda name: (places.get(name, len(places)), natural(name)))
    if len(classes) < 2:
        found = f"one class, {clean_line(classes[0], 60)}" if classes else "no images of a train part"
        raise RunError(f"{where} has {found}; two classes are needed, so add images of another")
    numbers = {name: number for number, name in enumerate(classes)}
    splits: dict[str, list[Sample]] = {}
    for row in rows:
        if row.label not in numbers:
            name = clean_line(repr(row.label), 60)
            part = f"{name} in the {row.split} part is a class that the train part does not have"
            raise RunError(f"{row.place}: {part}; give that some of its images, or leave it out here")
        splits.setdefault(row.split, []).append((row.source, numbers[row.label]))
    return Listing(tuple(map(clean_line, classes)), splits, tuple(notes))


@dataclass
class _Notes:
    """The notes about files that are left out: files by their kind, and lines."""

    unread: Found = field(default_factory=Found)
    lines: list[str] = field(default_factory=list)

    def all(self) -> tuple[str, ...]:
        unread = self.unread
        counted = [f"left out, as no images that are read: {unread.kinds()}"] if unread.count else []
        return (*self.lines, *counted)


def list_images(path: str) -> Listing:
    """All images below `path`, in the order of their names. Raises RunError saying what is wrong with the folder."""
    if not path:
        raise RunError("which folder? choose it as folder:PATH")
    notes = _Notes()
    root = _top(existing(path), notes)
    names = folders(root)
    splits = _split_folders(root, names)
    if splits is None:
        found = _class_folders(root, names, notes)
        _require_classes(root, found)
        return _listing(list(found), {"train": found}, notes)
    others = [name for name in names if root / name not in splits.values() and holds_image(root / name)]
    if others:
        notes.lines.append(f"left out beside the train folder: {named(others)}")
    return _split_listing(splits, notes)


def _split_listing(splits: dict[str, Path], notes: _Notes) -> Listing:
    train = _top(splits["train"], notes)
    parts = {"train": _class_folders(train, folders(train), notes)}
    _require_classes(train, parts["train"])
    classes = list(parts["train"])
    for split, folder in splits.items():
        if split == "train":
            continue
        place = _top(folder, notes, classes)
        found = _class_folders(place, folders(place), notes)
        unknown = [name for name in found if name not in classes]
        if unknown:
            told = f"{clean_line(place / unknown[0])} is a class that {clean_line(train)} does not have"
            raise RunError(f"{told}; give that some of its images, or leave it out here")
        if not found:
            notes.lines.append(f"{clean_line(folder)} is left out: it has no images in folders of classes")
            continue
        missing = [name for name in classes if name not in found]
        if missing:
            notes.lines.append(f"{clean_line(folder)} has no images of {named(missing)}")
        parts[split] = found
    return _listing(classes, parts, notes)


def _listing(classes: list[str], parts: dict[str, dict[str, list[str]]], notes: _Notes) -> Listing:
    numbers = {name: number for number, name in enumerate(classes)}
    splits: dict[str, list[Sample]] = {
        split: [(path, numbers[name]) for name, paths in found.items() for path in paths]
        for split, found in parts.items()
    }
    return Listing(tuple(map(clean_line, classes)), splits, notes.all())


def _top(root: Path, notes: _Notes, classes: list[str] | None = None) -> Path:
    """The folder that holds the classes or splits: a single enclosing folder is skipped, unless it is a known class."""
    top = root
    for _ in range(DEEPEST):
        names = folders(top)
        holding = [name for name in names if holds_image(top / name)]
        if len(holding) != 1 or _split_folders(top, names) or holding[0] in (classes or ()):
            break
        inner = top / holding[0]
        if not any(holds_image(inner / name) for name in folders(inner)):
            break
        top = inner
    if top != root:
        notes.lines.append(f"taken from {clean_line(top)}, the only folder with images in {clean_line(root)}")
    return top


def _split_folders(root: Path, names: list[str]) -> dict[str, Path] | None:
    """The folders of the splits, where there are a train folder and another; None where the folders are classes. Raises
    RunError for splits without a train folder.
    """
    found = {}
    for split, words in SPLIT_NAMES.items():
        mine = next((name for name in names if name.lower() in words), None)
        if mine is not None:
            found[split] = root / mine
    if len(found) > 1 and "train" not in found and len(found) == len(names):
        raise RunError(f"{clean_line(root)} has {named(names)} and no train folder")
    return found if "train" in found and len(found) > 1 else None


def _class_folders(root: Path, names: list[str], notes: _Notes) -> dict[str, list[str]]:
    """Each class that has images, with its images."""
    classes = {}
    loose = walk(root, deep=False)
    notes.unread.copies += loose.copies
    if loose.images:
        notes.lines.append(f"left out, as images without a class, in {clean_line(root)} itself: {len(loose.images):,}")
    for name in names:
        found = walk(root / name)
        if found.images:
            classes[name] = found.images
            notes.unread.add(found)
        else:
            reason = f"nothing in it is read: {found.kinds()}" if found.count else "it is empty"
            notes.lines.append(f"{clean_line(name, 60)} is left out: {reason}")
    return classes


def _require_classes(root: Path, classes: dict[str, list[str]]) -> None:
    if not classes:
        loose = walk(root, deep=False).images
        known = ", ".join(ending[1:] for ending in ENDINGS[:8])
        raise RunError(
            f"{clean_line(root)} has "
            + ("images but no folders of classes: put those of each class into a folder of its name" if loose else
               f"no images ({known} and the like) in folders of classes")
        )  # fmt: skip
    if len(classes) < 2:
        raise RunError(f"{clean_line(root)} has one class, {clean_line(next(iter(classes)), 60)}; two are needed")


def named(names: list[str]) -> str:
    """The first of many names."""
    more = len(names) - MOST_NAMED
    return ", ".join(clean_line(name, 60) for name in names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
