"""Turns listed images and masks into the arrays of a dataset."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Arrays, PreparationContext
from dltui.core.data.arrays import split_rows
from dltui.core.data.prepared import SPLITS
from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images.decoding.decode import decode
from dltui.plugins.datasets.images.decoding.survey import survey
from dltui.plugins.datasets.masks.reading import Broken, read
from dltui.plugins.datasets.masks.values import Values

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.decoding.survey import Survey
    from dltui.plugins.datasets.masks.listing import Pair, Pairs
    from dltui.plugins.datasets.masks.options import MaskOptions

    Parts = dict[SplitName, list[Pair]]

AT_ONCE = 64
MOST_NOTES = 20
PIECE = 1 << 24
ONES = bytes([0] + [1] * 255)
"""Makes class 1 of 255."""


def arrays(pairs: Pairs, options: MaskOptions, context: PreparationContext) -> Arrays:
    """The decoded images of a listing and their masks. Raises RunError."""
    seen = _survey(pairs, options, context)
    reading = reading_of(seen, options)
    broken = dict(seen.broken)
    parts, drawn = divide(pairs, options)
    values, masks = Values(), {}
    for split, some in parts.items():
        masks[split], parts[split] = _read_masks(split, some, reading, context, values, broken)
    classes = values.classes(pairs.classes)
    samples = {split: [(pair.image, row) for row, pair in enumerate(some)] for split, some in parts.items()}
    decoded = decode(samples, options.color, reading, context, options.path)
    broken |= dict(decoded.broken)
    notes = (*pairs.notes, *seen.notes(options), *drawn, *classes.notes, *values.notes())
    found: dict[SplitName, tuple[Array, Array]] = {}
    for split, (x, rows) in decoded.parts.items():
        found[split] = (x, _of_rows(masks[split], x.shape[1:3], rows, classes.white))
    own = "validation" in found
    return Arrays(
        found["train"],
        found["test"],
        classes.names,
        # Of train images of which core draws the validation part it measures the rest.
        decoded.mean if own else None,
        decoded.std if own else None,
        validation=found.get("validation"),
        notes=(*notes, *_broken(broken, pairs), *decoded.notes),
        names=decoded.names,
        inputs={"image": decoded.reading},
    )


def reading_of(seen: Survey, options: MaskOptions) -> dict[str, Any]:
    """The arguments of `image_file.read`, without a border: random crops are cut from the image itself."""
    return {name: value for name, value in seen.reading(options).items() if name != "border"}


def _survey(pairs: Pairs, options: MaskOptions, context: PreparationContext) -> Survey:
    samples = [(pair.image, 0) for pair in pairs.all]
    text = f"looking at {plural(len(samples), 'image')}"
    found = survey(samples, options, lambda share: context.progress(text, share))
    if not found.sizes:
        name, reason = found.broken[0]
        raise RunError(f"none of {plural(len(samples), 'image')} can be read; {clean_line(name)}: {reason}")
    return found


def divide(pairs: Pairs, options: MaskOptions) -> tuple[Parts, tuple[str, ...]]:
    """The pairs of each part, without a validation part where it has no folder: core draws it. Also notes about drawn
    parts. Raises RunError for too few images.
    """
    parts = dict(pairs.splits)
    notes = []
    if "test" not in parts:
        if len(parts["train"]) < 3:
            raise RunError(f"{plural(len(parts['train']), 'image')} for training and testing; at least 3 are needed")
        kept, drawn = split_rows(len(parts["train"]), options.test, options.split_seed)
        train = parts["train"]
        parts["train"], parts["test"] = [train[row] for row in kept], [train[row] for row in drawn]
        notes += ["no test folder: drawn from the train folder"] if len(pairs.splits) > 1 else []
    return {split: parts[split] for split in SPLITS if split in parts}, tuple(notes)


def _read_masks(
    split: SplitName,
    pairs: Sequence[Pair],
    reading: Mapping[str, Any],
    context: PreparationContext,
    values: Values,
    broken: dict[Any, str],
) -> tuple[Path, list[Pair]]:
    """A file of the masks of a part, uint8, and the pairs that could be read; others are added to `broken`. Raises
    RunError where there are none.
    """
    path, left = context.scratch / f"{split}-masks", [pair for pair in pairs if pair.image not in broken]
    good: list[Pair] = []
    # By plain writes, not through a mapped file: on a full disk those end in SIGBUS instead of an error.
    with path.open("wb") as file, ThreadPoolExecutor(cpu_count()) as pool, warnings.catch_warnings(action="ignore"):
        for start in range(0, len(left), AT_ONCE):
            some = left[start : start + AT_ONCE]
            for pair, mask in zip(some, pool.map(lambda pair: read(pair, reading), some), strict=True):
                if isinstance(mask, Broken):
                    broken[mask.file] = mask.reason
                    continue
                values.add(pair, mask)
                file.write(mask.pixels.tobytes())
                good.append(pair)
            context.progress(f"reading {plural(len(left), f'{split} mask')}", (start + len(some)) / len(left))
    if not good:
        name, reason = next((file, broken[file]) for pair in pairs for file in pair if file in broken)
        raise RunError(f"none of the {split} images and masks can be read; {clean_line(name)}: {reason}")
    return path, good


def _of_rows(path: Path, size: tuple[int, int], rows: Array, white: bool) -> Array:
    """These rows, in ascending order, of a file of masks of this height and width, mapped from it: all that is done to
    them is done in the file, since they may be larger than the memory.
    """
    one = size[0] * size[1]
    with path.open("r+b", buffering=0) as file:
        for place, row in enumerate(rows.tolist()):
            if place != row:
                os.pwrite(file.fileno(), os.pread(file.fileno(), one, row * one), place * one)
        file.truncate(len(rows) * one)
        place = 0
        while white and (piece := os.pread(file.fileno(), PIECE, place)):
            place += os.pwrite(file.fileno(), piece.translate(ONES), place)
    found: Array = np.memmap(path, np.uint8, "r", shape=(len(rows), *size))
    return found


def _broken(broken: Mapping[Any, str], pairs: Pairs) -> list[str]:
    """Notes about files that could not be read."""
    if not broken:
        return []
    lines = [f"unreadable and left out: {len(broken):,} of {plural(len(pairs.all), 'image')} with their masks"]
    lines += [f"{clean_line(name)}: {reason}" for name, reason in list(broken.items())[:MOST_NOTES]]
    return [*lines, *([f"and {len(broken) - MOST_NOTES:,} more"] if len(broken) > MOST_NOTES else [])]
