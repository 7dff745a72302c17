"""Previews a folder of images before anything is decoded: class counts, sizes, samples."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Preview
from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding.survey import Survey, size_range, spread, survey
from dltui.plugins.datasets.images.listing import Listing
from dltui.plugins.datasets.images.prepare import divide, without_broken

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.items import Source
    from dltui.plugins.datasets.images.options import ImageOptions

MOST_SAMPLES = 12
MOST_BROKEN = 5
SIDE = 32


def preview_of(listing: Listing, options: ImageOptions) -> Preview:
    """The preview of listed images."""
    samples = listing.samples
    seen = survey(samples[:: spread(len(samples))], options)
    counts = Counter(label for _, label in samples)
    facts = [
        ("images", f"{len(samples):,} in {plural(len(listing.classes), 'class', 'classes')}"),
        ("splits", _splits(listing, options)),
        ("sizes", _sizes(seen, options)),
    ]
    sized = seen.notes(options) if seen.sizes else []
    shown = _samples(listing, seen, options) if seen.sizes else []
    return Preview(
        facts=tuple(facts),
        classes=tuple((name, counts[number]) for number, name in enumerate(listing.classes)),
        samples=tuple(shown),
        notes=(*listing.notes, *sized, *_broken_notes(listing, seen)),
        train=_train(listing, seen, options),
        image=(*reversed(seen.size(options.size)), channels(map(_bytes, shown), options)) if shown else (),
    )


def _train(listing: Listing, seen: Survey, options: ImageOptions) -> int:
    """The number of training images, without those that were seen to be broken; 0 where it is not known."""
    if options.drop:
        return 0
    try:
        return len(divide(without_broken(listing, seen.broken)[0], options)[0]["train"])
    except RunError:
        return 0


def channels(pixels: Iterable[bytes], options: ImageOptions) -> int:
    """The channels of the images, judged by some whose RGB bytes these are."""
    if options.color != "auto":
        return 1 if options.color == "gray" else 3
    return 1 if all(one[::3] == one[1::3] == one[2::3] for one in pixels) else 3


def _bytes(sample: tuple[str, int, int, str]) -> bytes:
    return base64.b64decode(sample[3])


def _broken_notes(listing: Listing, seen: Survey) -> list[str]:
    """Notes about classes without any readable image, then about some files."""
    bad = {path for path, _ in seen.broken}
    labels = dict(listing.samples)
    left = {labels[path] for path in seen.sizes}
    gone = sorted({labels[path] for path in bad} - left)
    notes = [f"class {listing.classes[label]}: none of its images that were looked at can be read" for label in gone]
    for split, samples in listing.splits.items():
        looked = [path for path, _ in samples if path in bad or path in seen.sizes]
        if len(listing.splits) > 1 and looked and bad.issuperset(looked):
            notes.append(f"none of the {split} images that were looked at can be read")
    return notes + [f"{clean_line(items.name(source))}: {reason}" for source, reason in seen.broken[:MOST_BROKEN]]


def _splits(listing: Listing, options: ImageOptions) -> str:
    if len(listing.splits) > 1:
        return ", ".join(f"{split} {len(samples):,}" for split, samples in listing.splits.items())
    how = ", stratified by class" if len(listing.classes) > 1 else ""
    return f"drawn: {options.test:.0%} test, {options.validation:.0%} of the rest validation{how}"


def _sizes(seen: Survey, options: ImageOptions) -> str:
    if not seen.sizes:
        return "none can be read"
    sizes = set(seen.sizes.values())
    width, height = seen.size(options.size)
    made = f", made {width}x{height} ({options.fit})" if sizes != {(width, height)} else ""
    whole = width + 2 * seen.border(options)
    return size_range(sizes) + made + (f", kept at {whole}x{whole} for random crops" if whole > width else "")


def _samples(listing: Listing, seen: Survey, options: ImageOptions) -> list[tuple[str, int, int, str]]:
    """Images of as many classes as possible, in a size for a terminal."""
    found: list[tuple[str, int, int, str]] = []
    by_class: dict[int, list[Source]] = {}
    for path, label in listing.splits["train"]:
        by_class.setdefault(label, []).append(path)
    rounds = -(-MOST_SAMPLES // max(len(by_class), 1))
    for turn in range(rounds):
        for label, paths in by_class.items():
            if turn < len(paths) and len(found) < MOST_SAMPLES:
                try:
                    found.append(_sample(listing.classes[label], paths[turn], seen, options))
                except UnreadableError:
                    continue
    return found


def _sample(caption: str, source: Source, seen: Survey, options: ImageOptions) -> tuple[str, int, int, str]:
    reading = seen.reading(options)
    shrink = max(1, max(reading["width"], reading["height"]) / SIDE)
    size = {side: max(1, round(reading[side] / shrink)) for side in ("width", "height")}
    size["border"] = round(reading.get("border", 0) / shrink)
    shown = {**reading, **size, "channels": 1 if options.color == "gray" else 3}
    pixels = items.seen(source, lambda file: image_file.read(file, shown))
    height, width = pixels.shape[:2]
    data = base64.b64encode(pixels.repeat(3 // pixels.shape[2], axis=2).tobytes()).decode()
    return caption or Path(items.name(source)).name, width, height, data
