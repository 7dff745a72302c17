"""A look at a folder of images before anything is decoded: how many of each class, their sizes, some of them."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Preview
from dltui.core.text import plural
from dltui.plugins.datasets.images import pictures
from dltui.plugins.datasets.images.listing import Listing, list_images
from dltui.plugins.datasets.images.pictures import UnreadableError

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.listing import Sample
    from dltui.plugins.datasets.images.options import FolderOptions

MOST_HEADERS = 500
MOST_SAMPLES = 12
SIDE = 32


def preview_of(options: FolderOptions) -> Preview:
    """Raises RunError for a folder that cannot be trained on at all."""
    listing = list_images(options.path)
    samples = listing.samples
    step = max(1, len(samples) // MOST_HEADERS)
    sizes, broken = _sizes(samples[::step])
    counts = Counter(label for _, label in samples)
    facts = [
        ("images", f"{len(samples):,} in {plural(len(listing.classes), 'class', 'classes')}"),
        ("splits", _splits(listing, options)),
        ("sizes", _range(sizes) + (f", made {options.size}x{options.size} ({options.fit})" if options.size else "")),
    ]
    notes = [f"{path}: {reason}" for path, reason in broken[:5]]
    if len(sizes) > 1 and not options.size:
        notes.append("several sizes: set --data size=N, and if you like --data fit=crop, pad or stretch")
    return Preview(
        facts=tuple(facts),
        classes=tuple((name, counts[number]) for number, name in enumerate(listing.classes)),
        samples=tuple(_samples(listing, options)),
        notes=tuple(notes),
    )


def _sizes(samples: list[Sample]) -> tuple[Counter[tuple[int, int]], list[tuple[str, str]]]:
    sizes: Counter[tuple[int, int]] = Counter()
    broken = []
    for path, _ in samples:
        try:
            sizes[pictures.shape(path)] += 1
        except UnreadableError as error:
            broken.append((path, str(error)))
    return sizes, broken


def _splits(listing: Listing, options: FolderOptions) -> str:
    if len(listing.splits) > 1:
        return ", ".join(f"{split} {len(samples):,}" for split, samples in listing.splits.items())
    return f"drawn: {options.test:.0%} test, {options.validation:.0%} of the rest validation, stratified by class"


def _range(sizes: Counter[tuple[int, int]]) -> str:
    if not sizes:
        return "none can be read"
    (least, most) = min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])
    return f"{least[0]}x{least[1]}" + ("" if least == most else f" to {most[0]}x{most[1]}")


def _samples(listing: Listing, options: FolderOptions) -> list[tuple[str, int, int, str]]:
    """Images of as many classes as possible, small enough for a terminal."""
    found: list[tuple[str, int, int, str]] = []
    by_class: dict[int, list[str]] = {}
    for path, label in listing.splits["train"]:
        by_class.setdefault(label, []).append(path)
    rounds = -(-MOST_SAMPLES // max(len(by_class), 1))
    for turn in range(rounds):
        for label, paths in by_class.items():
            if turn < len(paths) and len(found) < MOST_SAMPLES:
                try:
                    found.append(_sample(listing.classes[label], paths[turn], options))
                except UnreadableError:
                    continue
    return found


def _sample(caption: str, path: str, options: FolderOptions) -> tuple[str, int, int, str]:
    picture = pictures.read(path, min(options.size or SIDE, SIDE), options.fit, options.color == "gray")
    height, width = picture.pixels.shape[:2]
    return caption or Path(path).name, width, height, base64.b64encode(picture.pixels.tobytes()).decode()
