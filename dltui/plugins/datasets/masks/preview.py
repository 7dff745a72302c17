"""Previews a folder of images and masks before it is prepared: sizes, classes, and samples with their masks on them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Preview
from dltui.core.data import image_file
from dltui.core.data.arrays import split_rows
from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import colors
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding.survey import size_range, spread, survey
from dltui.plugins.datasets.images.preview import channels
from dltui.plugins.datasets.masks.prepare import divide, reading_of
from dltui.plugins.datasets.masks.reading import Broken, read
from dltui.plugins.datasets.masks.values import Values

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.plugins.datasets.images.decoding.survey import Survey
    from dltui.plugins.datasets.masks.listing import Pair, Pairs
    from dltui.plugins.datasets.masks.options import MaskOptions
    from dltui.plugins.datasets.masks.prepare import Parts

MOST_MASKS = 60
"""Masks that are read, spread over all."""
MOST_SAMPLES = 12
MOST_BROKEN = 5
SIDE = 32


def preview_of(pairs: Pairs, options: MaskOptions) -> Preview:
    """The preview of listed images. Raises RunError as training would."""
    everything = pairs.all
    seen = survey([(pair.image, 0) for pair in everything[:: spread(len(everything))]], options)
    parts, _ = divide(pairs, options)
    broken = dict(seen.broken)
    some = everything[:: max(1, -(-len(everything) // MOST_MASKS))] if seen.sizes else []
    chosen = [pair for pair in some if pair.image not in broken]
    reading = reading_of(seen, options) if seen.sizes else {}
    read_as = {**reading, "channels": 1 if options.color == "gray" else 3}
    values, present, samples = _look_at(chosen, read_as, broken)
    if not samples:
        name, reason = next(iter(broken.items()), ("", "no image"))
        raise RunError(f"none of {plural(len(everything), 'image')} can be read; {clean_line(name)}: {reason}")
    classes = values.classes(pairs.classes)
    places = [255 if classes.white and number == 1 else number for number in range(len(classes.names))]
    return Preview(
        facts=(
            ("images", f"{len(everything):,} with masks, {plural(len(classes.names), 'class', 'classes')}"),
            ("splits", _splits(pairs, options)),
            ("sizes", _sizes(seen, reading)),
        ),
        classes=tuple((name, int(present[place])) for name, place in zip(classes.names, places, strict=True)),
        samples=tuple(_sample(pair, mask, pixels, classes.white) for pair, mask, pixels in samples),
        notes=(
            *pairs.notes,
            *seen.notes(options),
            *classes.notes,
            *values.notes(),
            f"classes are counted in {plural(len(chosen), 'mask')} of {len(everything):,}",
            *(f"{clean_line(name)}: {reason}" for name, reason in list(broken.items())[:MOST_BROKEN]),
        ),
        train=_train(parts, broken, options),
        image=(reading["height"], reading["width"], channels((one.tobytes() for _, _, one in samples), options)),
    )


def _look_at(
    chosen: Sequence[Pair], reading: Mapping[str, Any], broken: dict[Any, str]
) -> tuple[Values, Array, list[tuple[Pair, Array, Array]]]:
    """The values of masks, in how many each occurs, int64 (256,), and the first masks with their images; adds to
    `broken`.
    """
    values, present = Values(), np.zeros(256, np.int64)
    samples: list[tuple[Pair, Array, Array]] = []
    for pair in chosen:
        mask = read(pair, reading)
        if isinstance(mask, Broken):
            broken[mask.file] = mask.reason
            continue
        values.add(pair, mask)
        present += mask.counts > 0
        if len(samples) < MOST_SAMPLES:
            try:
                pixels = items.seen(pair.image, lambda file: image_file.read(file, reading))
                samples.append((pair, mask.pixels, pixels))
            except UnreadableError as error:
                broken[pair.image] = str(error)
    return values, present, samples


def _train(parts: Parts, broken: Mapping[Any, str], options: MaskOptions) -> int:
    """The number of training images, without those that were seen to be broken; 0 where it is not known."""
    rows = sum(pair.image not in broken and pair.mask not in broken for pair in parts["train"])
    if options.drop or rows < 2:
        return 0
    return rows if "validation" in parts else len(split_rows(rows, options.validation, options.split_seed)[0])


def _splits(pairs: Pairs, options: MaskOptions) -> str:
    if len(pairs.splits) > 1:
        return ", ".join(f"{split} {len(some):,}" for split, some in pairs.splits.items())
    return f"drawn: {options.test:.0%} test, {options.validation:.0%} of the rest validation"


def _sizes(seen: Survey, reading: dict[str, int]) -> str:
    sizes, made = set(seen.sizes.values()), (reading["width"], reading["height"])
    return size_range(sizes) + (f", made {made[0]}x{made[1]} ({reading['fit']})" if sizes != {made} else "")


def _sample(pair: Pair, mask: Array, pixels: Array, white: bool) -> tuple[str, int, int, str]:
    """An image with its mask over it, in a size for a terminal."""
    step = max(1, -(-max(mask.shape) // SIDE))
    shown = mask[::step, ::step]
    drawn = colors.overlay(pixels[::step, ::step], np.where(shown > 0, 1, 0) if white else shown)
    height, width = drawn.shape[:2]
    name = clean_line(pair.image.rpartition("/")[2], 40)
    return name, width, height, base64.b64encode(np.ascontiguousarray(drawn).tobytes()).decode()
