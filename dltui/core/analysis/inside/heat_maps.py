"""Heat maps of answers, as they are kept beside the predictions of a run, and laid over the images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.evaluation import damage_as_error
from dltui.core.analysis.inside.chosen import stamp
from dltui.core.errors import DltuiError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract.types import Array
    from dltui.core.reading.reader import RunReader

NAME = "heat-maps"
SIDE = 64
"""Larger maps are reduced to so many pixels a side."""
SAID, TRUE = 0, 1
"""What a map speaks for: the answer that was given, or the right one."""
ANCHORS = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""From no to all evidence, ever brighter, so that it can be told without colors, too."""
DIMMED, GLOW = 0.55, 0.75


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """The maps of samples: `maps` (n, 2, height, width) are 0 to 1, the first of them for the answer that was given,
    the second for the right one; `outputs` (n, 2) are the numbers of these answers, `images` uint8 (n, h, w, c).
    """

    ids: Array
    outputs: Array
    maps: Array
    images: Array
    _rows: dict[int, int] = field(repr=False)

    def of(self, identity: int, which: int) -> Array | None:
        """The map of a sample; None for one that was not looked at."""
        row = self._rows.get(identity)
        return None if row is None else np.asarray(self.maps[row, which], np.float32)

    def output(self, identity: int, which: int) -> int | None:
        """The number of the answer that a map speaks for; None for a sample that was not looked at."""
        row = self._rows.get(identity)
        return None if row is None else int(self.outputs[row, which])


class LatestHeatMaps:
    """The maps of a run that is watched; made anew only when a file has changed."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._known: tuple[Any, Any, HeatMaps | None] = (None, None, None)

    def look(self) -> HeatMaps | None:
        """The maps; None where there are none, or their file is damaged."""
        try:
            found = self._reader.inside_of_test(NAME)
            arrays, predictions = found or (None, None)
            if arrays is not self._known[0] or predictions is not self._known[1]:
                self._known = (arrays, predictions, unpack(*found) if found else None)
        except DltuiError:
            return None
        return self._known[2]


def packed(maps: Array) -> Array:
    """Maps (n, 2, height, width) as they are kept: each by its own largest value, float16."""
    stride = max(1, -(-max(maps.shape[2:], default=1) // SIDE))
    small = maps[:, :, ::stride, ::stride].astype(np.float32)
    most = small.max(axis=(2, 3), keepdims=True, initial=0)
    found: Array = (small / np.where(most > 0, most, 1)).astype(np.float16)
    return found


def read(reader: RunReader) -> HeatMaps | None:
    """The maps that were made of the run's test predictions; None where there are none. Raises RunError for a damaged
    file.
    """
    found = reader.inside_of_test(NAME)
    return unpack(*found) if found else None


def unpack(arrays: Mapping[str, Array], predictions: Mapping[str, Array]) -> HeatMaps | None:
    """The maps of a file; None for those of other predictions. Raises RunError for arrays that do not fit."""
    with damage_as_error():
        if int(arrays["stamp"]) != stamp(predictions):
            return None
        found = (arrays["ids"], arrays["outputs"], arrays["maps"], arrays["images"])
        if len({len(array) for array in found}) > 1 or found[2].ndim != 4 or found[3].ndim != 4:
            raise RunError("the heat maps are damaged: they are of several lengths")
        maps, outputs = found[2], found[1]
        if maps.shape[1] != 2 or 0 in maps.shape[2:] or maps.dtype.kind != "f" or outputs.shape != (len(maps), 2):
            raise RunError(f"the heat maps are damaged: maps {maps.dtype} {maps.shape} of {outputs.shape} answers")
        return HeatMaps(*found, {int(identity): row for row, identity in enumerate(found[0])})


def overlay(image: Array, heat: Array) -> Array:
    """The image uint8 (h, w, c) in dim gray, with the heat in color over it: uint8 (h, w, 3)."""
    height, width = image.shape[:2]
    amount = np.clip(enlarged(heat, height, width), 0, 1)
    gray = (image[..., :3].mean(axis=2) if image.shape[2] >= 3 else image[..., 0].astype(np.float64)) * DIMMED
    at = amount * (len(ANCHORS) - 1)
    colors = np.stack(
        [np.interp(at, range(len(ANCHORS)), [anchor[channel] for anchor in ANCHORS]) for channel in range(3)], axis=2
    )
    share = GLOW * amount[..., None]
    return np.rint(gray[..., None] * (1 - share) + colors * share).astype(np.uint8)


def enlarged(heat: Array, height: int, width: int) -> Array:
    """A map in another size, bilinearly."""
    from PIL import Image

    values = Image.fromarray(np.ascontiguousarray(heat, np.float32))
    found: Any = np.asarray(values.resize((width, height), Image.Resampling.BILINEAR))
    return np.asarray(found)
