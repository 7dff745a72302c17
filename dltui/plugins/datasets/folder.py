"""Somebody's own images: a folder of class folders, or train, valid and test folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dltui.core.config import unit
from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.dataset_options import DatasetOptions
from dltui.core.errors import RunError
from dltui.plugins.datasets.folder_files import Listing, list_images

if TYPE_CHECKING:
    from dltui.core.contract import SplitName
    from dltui.plugins.datasets.folder_files import Sample


class FolderOptions(DatasetOptions):
    """How images of any size become those that a model trains on."""

    path: str = Field("", description="the folder, as in folder:PATH")
    size: int = Field(
        0, ge=0, le=1024, description="side of the square they are made; 0: as they are", json_schema_extra=unit("px")
    )
    fit: Literal["crop", "pad", "stretch"] = Field("crop", description="how what is no square becomes one")
    colour: Literal["auto", "grey", "colour"] = Field("auto", description="channels; auto: grey if all images are")
    test: float = Field(
        0.2, gt=0, le=0.9, description="part kept for testing, without a test folder", json_schema_extra=unit("")
    )


def prepare(options: FolderOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.decode import decode

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

    from dltui.core.arrays import stratified_rows
    from dltui.core.data import SPLITS

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
            raise RunError(f"too few images for a {split} part: {len(train):,} in {len(listing.classes)} classes")
    partly = len(listing.splits) > 1 and drawn
    return ordered, (f"no {' and no '.join(drawn)} folder: drawn from the training one",) if partly else ()


def sources(options: FolderOptions, folders: Sequence[Path]) -> list[Path]:
    return [Path(path) for path, _ in list_images(options.path).samples] if options.path else []


def preview(options: FolderOptions) -> Preview:
    from dltui.plugins.datasets.folder_preview import preview_of

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
