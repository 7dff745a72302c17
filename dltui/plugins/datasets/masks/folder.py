"""The user's own images with a mask for each: the class of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.plugins.datasets.masks.listing import CLASSES, list_pairs
from dltui.plugins.datasets.masks.options import MaskOptions


def prepare(options: MaskOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.masks.prepare import arrays

    return arrays(list_pairs(options), options, context)


def sources(options: MaskOptions, folders: Sequence[Path]) -> list[Path]:
    if not options.path:
        return []
    names = Path(options.path, CLASSES)
    files = [Path(path) for pair in list_pairs(options).all for path in pair]
    return [*files, *([names] if names.exists() else [])]


def preview(options: MaskOptions) -> Preview:
    from dltui.plugins.datasets.masks.preview import preview_of

    return preview_of(list_pairs(options), options)


DATASET = Dataset(
    name="masks",
    task="segmentation",
    summary="your own images with masks: masks:PATH, a folder with images/ and masks/",
    options=MaskOptions,
    prepare=prepare,
    sources=sources,
    takes="folder",
    preview=preview,
)
