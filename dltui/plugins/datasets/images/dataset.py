"""Somebody's own images: a folder of class folders, or train, valid and test folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.errors import RunError
from dltui.core.text import plural
from dltui.plugins.datasets.images.listing import Listing, list_images
from dltui.plugins.datasets.images.options import FolderOptions

if TYPE_CHECKING:
    from dltui.core.contract.types import SplitName
    from dltui.plugins.datasets.images.listing import Sample


def prepare(options: FolderOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.images.decode import decode

    listing = list_images(options.path)
    parts, drawn = divide(listing, options)
    decoded = decode(parts, options, context)
    return Arrays(
        decoded.parts["train"],
        decoded.parts["test"],
        listing.classes,
        validation=decoded.parts["validation"],
        notes=(*drawn, *decoded.notes),
        names=decoded.names,
    )


def divide(listing: Listing, options: FolderOptions) -> tuple[dict[SplitName, list[Sample]], tuple[str, ...]]:
    """The samples of train, validation and test; splits without a folder are drawn from the training one, each class
    alike. Also says in one line what was drawn of a folder that has some of them."""
    import numpy as np

    from dltui.core.data.arrays import stratified_rows
    from dltui.core.data.prepared import SPLITS

    shares = {"test": options.test, "validation": options.validation * (1 - options.test)}
    if "test" in listing.splits:
        shares = {"validation": options.validation}
    drawn = {split: share for split, share in shares.items() if split not in listing.splits}
    train = listing.splits["train"]
    labels = np.array([label for _, label in train], dtype=np.int64)
    rows = stratified_rows(labels, list(drawn.values()), options.split_seed)
    parts = dict(listing.splits)
    for split, chosen in zip([*drawn, "train"], rows, strict=True):
        parts[split] = [train[row] for row in chosen]
    ordered: dict[SplitName, list[Sample]] = {name: parts[name] for name in SPLITS}
    for split, samples in ordered.items():
        if not samples:
            classes = plural(len(listing.classes), "class", "classes")
            raise RunError(f"too few images for a {split} part: {len(train):,} in {classes}")
    partly = len(listing.splits) > 1 and drawn
    return ordered, (f"no {' and no '.join(drawn)} folder: drawn from the train folder",) if partly else ()


def sources(options: FolderOptions, folders: Sequence[Path]) -> list[Path]:
    return [Path(path) for path, _ in list_images(options.path).samples] if options.path else []


def preview(options: FolderOptions) -> Preview:
    from dltui.plugins.datasets.images.preview import preview_of

    return preview_of(options)


DATASET = Dataset(
    name="folder",
    task="classification",
    summary="your own images: folder:PATH, one folder a class; png, jpeg, webp, bmp",
    options=FolderOptions,
    prepare=prepare,
    sources=sources,
    takes="folder",
    preview=preview,
)
