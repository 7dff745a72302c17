"""Turns listed images and masks into the arrays of a dataset."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Arrays, PreparationContext
from dltui.core.data.arrays import split_rows
from dltui.core.data.image_file import UnreadableError
from dltui.core.data.prepared import SPLITS
from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images.decoding.decode import decode
from dltui.plugins.datasets.images.decoding.survey import survey
from dltui.plugins.datasets.masks.reading import Mask, read
from dltui.plugins.datasets.masks.values import Values

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.decoding.survey import Survey
    from dltui.plugins.datasets.masks.listing import Pair, Pairs
    from dltui.plugins.datasets.masks.options import MaskOptions

    Parts = dict[SplitName, list[Pair]]

AT_ONCE = 64
MOST_NOTES = 20


def arrays(pairs: Pairs, options: MaskOptions, context: PreparationContext) -> Arrays:
    """The decoded images of a listing and their masks. Raises RunError."""
    seen = _survey(pairs, options, context)
    reading = reading_of(seen, options)
    broken = dict(seen.broken)
    parts, drawn = divide(pairs, options)
    values, masks = Values(), {}
    for split, some in parts.items():
        good = [pair for pair in some if pair.image not in broken]
        masks[split], parts[split] = _read_masks(split, good, reading, context, values, broken)
    classes = values.classes(pairs.classes)
    if classes.white and options.fit == "pad" and not seen.is_one_size:
        raise RunError("masks of 0 and 255 cannot be padded, as 255 would mark the padding; --data fit=crop or stretch")
    samples = {split: [(pair.image, row) for row, pair in enumerate(some)] for split, some in parts.items()}
    decoded = decode(samples, options.color, reading, context, options.path)
    broken |= dict(decoded.broken)
    notes = (*pairs.notes, *seen.notes(options), *drawn, *classes.notes, *values.notes())
    found: dict[SplitName, tuple[Array, Array]] = {}
    for split, (x, rows) in decoded.parts.items():
        whole = masks[split] if len(rows) == len(masks[split]) else masks[split][rows]
        found[split] = (x, np.where(whole > 0, 1, 0).astype(np.uint8) if classes.white else whole)
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
) -> tuple[Array, list[Pair]]:
    """The masks of a part, mapped from a file, and the pairs that could be read; others are added to `broken`."""
    path, shape = context.scratch / f"{split}-masks", (int(reading["height"]), int(reading["width"]))
    good: list[Pair] = []
    # By plain writes, not through a mapped file: on a full disk those end in SIGBUS instead of an error.
    with path.open("wb") as file, ThreadPoolExecutor(cpu_count()) as pool, warnings.catch_warnings(action="ignore"):
        for start in range(0, len(pairs), AT_ONCE):
            some = pairs[start : start + AT_ONCE]
            for pair, mask in zip(some, pool.map(lambda pair: _mask(pair, reading), some), strict=True):
                if isinstance(mask, UnreadableError):
                    broken[pair.mask] = str(mask)
                    continue
                values.add(pair, mask)
                file.write(mask.pixels.tobytes())
                good.append(pair)
            context.progress(f"reading {plural(len(pairs), f'{split} mask')}", (start + len(some)) / len(pairs))
    if not good:
        name, reason = next(iter(broken.items()), ("", ""))
        raise RunError(f"none of the {split} images and masks can be read; {clean_line(name)}: {reason}")
    return _mapped(path, (len(good), *shape)), good


def _mapped(path: Path, shape: tuple[int, ...]) -> Array:
    found: Array = np.memmap(path, np.uint8, "r", shape=shape)
    return found


def _mask(pair: Pair, reading: Mapping[str, Any]) -> Mask | UnreadableError:
    try:
        return read(pair, reading)
    except UnreadableError as error:
        return error


def _broken(broken: Mapping[Any, str], pairs: Pairs) -> list[str]:
    """Notes about files that could not be read."""
    if not broken:
        return []
    lines = [f"unreadable and left out: {len(broken):,} of {plural(len(pairs.all), 'image')} with their masks"]
    lines += [f"{clean_line(name)}: {reason}" for name, reason in list(broken.items())[:MOST_NOTES]]
    return [*lines, *([f"and {len(broken) - MOST_NOTES:,} more"] if len(broken) > MOST_NOTES else [])]
