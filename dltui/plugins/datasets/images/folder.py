"""The user's own images: a folder of class folders, or train, valid and test folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.listing import list_images
from dltui.plugins.datasets.images.options import FolderOptions


def prepare(options: FolderOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.images.prepare import arrays

    return arrays(list_images(options.path), options, context, options.path)


def sources(options: FolderOptions, folders: Sequence[Path]) -> list[Path]:
    return items.files(source for source, _ in list_images(options.path).samples) if options.path else []


def preview(options: FolderOptions) -> Preview:
    from dltui.plugins.datasets.images.preview import preview_of

    return preview_of(list_images(options.path), options)


DATASET = Dataset(
    name="folder",
    task="classification",
    summary="your own images: folder:PATH, one folder a class",
    options=FolderOptions,
    prepare=prepare,
    sources=sources,
    takes="folder",
    preview=preview,
)
