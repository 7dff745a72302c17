"""Lists the images of a folder and the mask of each, by their names alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import MOST_CLASSES
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, named
from dltui.plugins.datasets.images.walk import existing, folders, walk

if TYPE_CHECKING:
    from dltui.plugins.datasets.masks.options import MaskOptions

IMAGES = ("images", "image", "imgs", "img", "jpegimages")
MASKS = ("masks", "mask", "labels", "annotations", "segmentationclass", "gt")
"""The names of the folders, in lowercase; the first of each is what messages say."""
ENDING = "_mask"
"""The end of a mask's name, beyond that of its image, that is allowed."""
CLASSES = "classes.txt"
LAYOUT = "put the pictures into images/ and a mask of the same name for each into masks/"


class Pair(NamedTuple):
    """The files of an image and of its mask."""

    image: str
    mask: str


@dataclass(frozen=True)
class Pairs:
    """The images of a folder. `classes` are the names in classes.txt, () without one; `splits` has "train", and
    "validation" and "test" where they have their own folders; `notes` tell what is left out.
    """

    classes: tuple[str, ...]
    splits: dict[str, list[Pair]]
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> list[Pair]:
        return [pair for pairs in self.splits.values() for pair in pairs]


@dataclass
class _Found:
    """The pairs of one or several folders so far, images without a mask, and notes."""

    pairs: list[Pair] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def list_pairs(options: MaskOptions) -> Pairs:
    """All images below the folder with their masks, in the order of their names. Raises RunError saying what is wrong
    with the folder.
    """
    if not options.path:
        raise RunError("which folder? choose it as masks:PATH")
    root = existing(options.path)
    splits, notes = {}, []
    for split, (images, masks) in _parts(root).items():
        found = _pairs(images, masks)
        _check(found, images, masks, options.missing == "drop")
        notes += found.notes
        splits[split] = found.pairs
    return Pairs(_classes(root), splits, tuple(notes))


def _parts(root: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of images and of masks of each split: PATH/images, PATH/train/images or PATH/images/train."""
    tops = _splits(root)
    if "train" in tops:
        return {split: _both(folder) for split, folder in tops.items()}
    images, masks = _both(root)
    of_images, of_masks = _splits(images), _splits(masks)
    if "train" not in of_images or "train" not in of_masks:
        return {"train": (images, masks)}
    lone = sorted(of_images.keys() ^ of_masks.keys())
    if lone:
        has, lacks = (images, masks) if lone[0] in of_images else (masks, images)
        raise RunError(
            f"{clean_line(has)} has a {lone[0]} part, {clean_line(lacks)} has none; both need the same parts"
        )
    return {split: (of_images[split], of_masks[split]) for split in of_images}


def _splits(folder: Path) -> dict[str, Path]:
    names = folders(folder)
    found = {}
    for split, words in SPLIT_NAMES.items():
        mine = next((name for name in names if name.lower() in words), None)
        if mine is not None:
            found[split] = folder / mine
    return found


def _both(folder: Path) -> tuple[Path, Path]:
    names = folders(folder)
    places = []
    for words in (IMAGES, MASKS):
        mine = next((name for word in words for name in names if name.lower() == word), None)
        if mine is None:
            raise RunError(f"{clean_line(folder)} has no folder {words[0]}; {LAYOUT}")
        places.append(folder / mine)
    return places[0], places[1]


def _pairs(images: Path, masks: Path) -> _Found:
    pictures, drawn = walk(images), walk(masks)
    by_name = {_stem(path, masks).removesuffix(ENDING): path for path in reversed(drawn.images)}
    by_name |= {_stem(path, masks): path for path in reversed(drawn.images)}
    found = _Found()
    for path in pictures.images:
        mask = by_name.get(_stem(path, images))
        if mask is None:
            found.bare.append(path)
        else:
            found.pairs.append(Pair(path, mask))
    used = {pair.mask for pair in found.pairs}
    lone = [os.path.relpath(path, masks) for path in drawn.images if path not in used]
    if lone:
        found.notes.append(f"left out, as masks without an image: {len(lone):,} ({named(lone)})")
    for where, walked in ((images, pictures), (masks, drawn)):
        if walked.count:
            found.notes.append(f"left out in {clean_line(where)}, as no images that are read: {walked.kinds()}")
    return found


def _stem(path: str, below: Path) -> str:
    return os.path.splitext(os.path.relpath(path, below))[0]  # noqa: PTH122


def _check(found: _Found, images: Path, masks: Path, drop: bool) -> None:
    """Raise RunError for a part without pairs, and for images without a mask unless they are dropped."""
    bare = len(found.bare)
    if not found.pairs and not bare:
        raise RunError(f"{clean_line(images)} has no images; {LAYOUT}")
    if bare and (not drop or not found.pairs):
        name = clean_line(os.path.relpath(found.bare[0], images))
        more = f" ({plural(bare, 'image')} of {bare + len(found.pairs):,} have none)" if bare > 1 else ""
        remedy = ", or leave such images out: --data missing=drop" if found.pairs else ""
        given = os.path.splitext(name)[0]  # noqa: PTH122
        raise RunError(f"{clean_line(masks)} has no mask for {name}{more}; add {given}.png{remedy}")
    if bare:
        names = [os.path.relpath(path, images) for path in found.bare]
        found.notes.append(f"left out, as images without a mask: {bare:,} ({named(names)})")


def _classes(root: Path) -> tuple[str, ...]:
    """The names in classes.txt, a line each; () without the file. Raises RunError."""
    path = root / CLASSES
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{clean_line(path)} cannot be read ({clean_line(error, 100)}); write a name a line") from None
    names = tuple(clean_line(line, 200) for line in text.rstrip().splitlines())
    _check_names(names, clean_line(path))
    if not 2 <= len(names) <= MOST_CLASSES:
        raise RunError(f"{clean_line(path)} names {plural(len(names), 'class', 'classes')}; 2 to {MOST_CLASSES} can be")
    return names


def _check_names(names: Sequence[str], where: str) -> None:
    """Raise RunError for a line without a name, since lines count the classes, and for a name that is there twice."""
    for line, name in enumerate(names, start=1):
        if not name:
            raise RunError(f"{where} line {line} is empty, it names class {line - 1}; write a name or remove the line")
        if (before := names.index(name) + 1) < line:
            told = f"lines {before} and {line} both name {clean_line(name, 60)!r}"
            raise RunError(f"{where} {told}; give each class a name of its own")
