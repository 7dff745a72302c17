"""Turns listed images into the arrays of a dataset, whatever they were listed from: a folder, a table, archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, PreparationContext
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.listing import Listing, named
from dltui.plugins.datasets.images.options import ImageOptions

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.decoding.decode import Decoded
    from dltui.plugins.datasets.images.decoding.survey import Survey
    from dltui.plugins.datasets.images.items import Source
    from dltui.plugins.datasets.images.listing import Sample

MOST_NOTES = 20


def arrays(listing: Listing, options: ImageOptions, context: PreparationContext, below: str = "") -> Arrays:
    """The decoded images of a listing; their names are those below the folder `below`. Raises RunError."""
    from dltui.plugins.datasets.images.decoding.decode import decode

    total = len(listing.samples)
    found = surveyed(listing, options, context)
    readable, gone = without_broken(listing, found.broken)
    parts, drawn = divide(readable, options)
    decoded = decode(parts, options.color, found.reading(options), context, below, learned=True)
    classes, late = _classes_left(readable, parts, decoded)
    broken = _broken_notes(listing, [*found.broken, *decoded.broken], [*gone, *late], total)
    return Arrays(
        decoded.parts["train"],
        decoded.parts["test"],
        classes,
        decoded.mean,
        decoded.std,
        validation=decoded.parts["validation"],
        notes=(*listing.notes, *found.notes(options), *drawn, *broken, *decoded.notes),
        names=decoded.names,
        inputs={"image": decoded.reading},
        border=decoded.reading.get("border", 0),
    )


def surveyed(listing: Listing, options: ImageOptions, context: PreparationContext) -> Survey:
    """The sizes of all images. Raises RunError where none can be read."""
    from dltui.plugins.datasets.images.decoding.survey import survey

    samples = listing.samples
    text = f"looking at {plural(len(samples), 'image')}"
    found = survey(samples, options, lambda share: context.progress(text, share))
    if not found.sizes:
        source, reason = found.broken[0]
        name = clean_line(items.name(source))
        raise RunError(f"none of {plural(len(samples), 'image')} can be read; {name}: {reason}")
    return found


def without_broken(listing: Listing, broken: Iterable[tuple[Source, str]]) -> tuple[Listing, list[str]]:
    """A listing without some of its images, and the classes that have none left for training. Raises RunError where
    fewer than two classes are left, or nothing of a part.
    """
    bad = dict(broken)
    if not bad:
        return listing, []
    left = {label for path, label in listing.splits["train"] if path not in bad}
    gone = [name for number, name in enumerate(listing.classes) if number not in left]
    if len(left) < 2:
        raise RunError(f"no train image of {named(gone)} can be read, and two classes are needed")
    new = {number: place for place, number in enumerate(sorted(left))}
    splits = {
        split: [(path, new[label]) for path, label in samples if path not in bad and label in new]
        for split, samples in listing.splits.items()
    }
    require_parts(listing, splits, bad)
    classes = tuple(listing.classes[number] for number in new)
    return Listing(classes, splits, listing.notes), gone


def require_parts(listing: Listing, left: Mapping[str, Sequence[Sample]], broken: Mapping[Source, str]) -> None:
    """Raise RunError for a part of which nothing is left: train images would be drawn in its place."""
    for split, samples in listing.splits.items():
        if not left[split]:
            unread = [source for source, _ in samples if source in broken]
            source = unread[0] if unread else samples[0][0]
            reason = broken.get(source, "no train image of its class can be read")
            raise _nothing_left(listing, split, len(samples), f"{clean_line(items.name(source))}: {reason}")


def _nothing_left(listing: Listing, split: str, count: int, why: str) -> RunError:
    own = split != "train" and split in listing.splits
    remedy = f"repair such files{f' or remove the {split} part' if own else ''}"
    return RunError(f"nothing is left of {plural(count, f'{split} image')}; {why}; {remedy}")


def _classes_left(
    listing: Listing, parts: Mapping[SplitName, Sequence[Sample]], decoded: Decoded
) -> tuple[tuple[str, ...], list[str]]:
    """The classes that have a decoded train image, and the names of the others, whose images are in no part. The labels
    are renumbered. Raises RunError for a part of which nothing is left.
    """
    import numpy as np

    present = np.unique(decoded.parts["train"][1])
    gone = [name for number, name in enumerate(listing.classes) if number not in present]
    if not gone:
        return listing.classes, []
    for split, (x, labels) in decoded.parts.items():
        if not len(labels):
            why = f"no train image of {named(gone)} can be read"
            raise _nothing_left(listing, split, len(parts[split]), why)
        decoded.parts[split] = (x, np.searchsorted(present, labels))
    return tuple(listing.classes[number] for number in present), gone


def _broken_notes(listing: Listing, broken: list[tuple[Source, str]], gone: list[str], total: int) -> list[str]:
    """Notes about classes that are left out as a whole, then about single files."""
    if not broken:
        return []
    label_of = dict(listing.samples)
    counts = Counter(label for _, label in listing.splits["train"])
    lines = []
    for name in gone:
        number = listing.classes.index(name)
        # A file that is listed under two classes has the last of them here.
        reason = next((reason for path, reason in broken if label_of[path] == number), "listed under another class too")
        lines.append(
            f"class {name} is left out: none of its {plural(counts[number], 'train image')} can be read ({reason})"
        )
    single = [(path, reason) for path, reason in broken if listing.classes[label_of[path]] not in gone]
    lines.append(f"unreadable and left out: {len(broken):,} of {plural(total, 'image')}")
    lines += [f"{clean_line(items.name(source))}: {reason}" for source, reason in single[:MOST_NOTES]]
    more = len(single) - MOST_NOTES
    return [*lines, *([f"and {more:,} more"] if more > 0 else [])]


def divide(
    listing: Listing, options: ImageOptions, strata: Array | None = None
) -> tuple[dict[SplitName, list[Sample]], tuple[str, ...]]:
    """The samples of train, validation and test; splits without a folder are drawn from the training part, each class
    alike, or each of `strata`, the kinds of the train samples. Also returns notes about drawn splits and classes with
    too few images. Raises RunError for an empty split.
    """
    import numpy as np

    from dltui.core.data.arrays import stratified_rows
    from dltui.core.data.prepared import SPLITS

    shares = {"test": options.test, "validation": options.validation * (1 - options.test)}
    if "test" in listing.splits:
        shares = {"validation": options.validation}
    drawn = {split: share for split, share in shares.items() if split not in listing.splits}
    train = listing.splits.get("train", [])
    labels = np.array([label for _, label in train], dtype=np.int64) if strata is None else strata
    rows = stratified_rows(labels, list(drawn.values()), options.split_seed)
    parts = dict(listing.splits)
    for split, chosen in zip([*drawn, "train"], rows, strict=True):
        parts[split] = [train[row] for row in chosen]
    ordered: dict[SplitName, list[Sample]] = {name: parts[name] for name in SPLITS}
    least = len(drawn) + 1
    for split, samples in ordered.items():
        if not samples:
            classes = plural(len(listing.classes), "class", "classes")
            needed = f" in {classes}; {least} of a class are needed" if listing.classes else " in all"
            raise RunError(f"too few images for a {split} part: {len(train):,}{needed}")
    notes = []
    if len(listing.splits) > 1 and drawn:
        notes.append(f"no {' and no '.join(drawn)} folder: drawn from the train folder")
    counts = np.bincount(labels, minlength=len(listing.classes))
    # Without classes there is none that could be small.
    few = [name for name, count in zip(listing.classes, counts, strict=False) if count < least]
    if few and drawn:
        notes.append(f"fewer than {least} images, so that not each part has one: {named(few)}")
    return ordered, tuple(notes)
