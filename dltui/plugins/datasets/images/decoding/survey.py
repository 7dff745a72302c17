"""Reads the headers of images before any is decoded: which can be read, and to which size all are resized."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import plural
from dltui.plugins.datasets.images import items

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.items import Source
    from dltui.plugins.datasets.images.listing import Sample
    from dltui.plugins.datasets.images.options import ImageOptions

USUAL_SIDES = (8, 16, 32, 64)
"""The usual sides in pixels to which images of several sizes are resized; the last is a compromise of detail
and speed."""
LARGEST_SIDE = 512
"""Images are not trained on in a larger size unless a size is given."""
MIDDLE = 0.875
"""The usual share of a photo's side that evaluation takes, 224 of 256 pixels."""
PHOTO = 64
"""The smallest side for which photos are kept a little larger."""
MOST_SIZES = 500
"""The usual size is that of so many images, spread over all, so that a preview chooses as training does."""
AT_ONCE = 64
USUAL_VALUES = (255, 1023, 4095, 16383, 65535)


@dataclass
class Survey:
    """The width and height of each readable image that was looked at, the reason for each unreadable image, and the
    value ranges of images with more than 8 bits.
    """

    sizes: dict[Source, tuple[int, int]] = field(default_factory=dict)
    broken: list[tuple[Source, str]] = field(default_factory=list)
    deep: list[tuple[float, float]] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)
    """The shorter sides of those images, spread over all, by which the usual size is chosen."""

    def reading(self, options: ImageOptions) -> dict[str, Any]:
        """The arguments of `image_file.read` for all images; the channels are only known after training data
        is read.
        """
        width, height = self.size(options.size)
        reading = {"height": height, "width": width, "channels": 3, "fit": options.fit}
        border = self.border(options)
        return {**reading, "range": list(self.limits()), "draft": True, **({"border": border} if border else {})}

    def border(self, options: ImageOptions) -> int:
        """The pixels that are kept on each side of photos for random crops, as many as the usual evaluation cuts off:
        of images of several or large sizes whose median has them.
        """
        side = self.size(options.size)[0]
        border = round(side * (1 / MIDDLE - 1) / 2)
        whole = options.fit != "crop" or (self.is_one_size and not options.size)
        return 0 if whole or side < PHOTO or self._median() < side + 2 * border else border

    @property
    def is_one_size(self) -> bool:
        """True if all images have one size, which is small enough to be kept."""
        sizes = set(self.sizes.values())
        return len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST_SIDE

    def size(self, asked: int) -> tuple[int, int]:
        """The width and height to which all images are resized: as asked, as they are, or a usual size for several
        sizes and for large images.
        """
        if asked:
            return asked, asked
        if self.is_one_size:
            return next(iter(self.sizes.values()))
        usual = self._median()
        side = next((side for side in USUAL_SIDES if side >= usual), USUAL_SIDES[-1])
        return side, side

    def _median(self) -> float:
        """The shorter side of the median image."""
        return median(self.sides or map(min, self.sizes.values()))

    def limits(self) -> tuple[float, float]:
        """The values that become black and white in images of more than 8 bits: the same for all, so that a dark image
        stays darker than a bright image.
        """
        if not self.deep:
            return 0, 65535
        least, most = min(low for low, _ in self.deep), max(high for _, high in self.deep)
        usual = (1, *USUAL_VALUES) if not float(most).is_integer() or most <= 1 else USUAL_VALUES
        high = next((value for value in usual if value >= most), math.ceil(most))
        return min(0, math.floor(least)), high

    def notes(self, options: ImageOptions) -> list[str]:
        """The notes about sizes and values."""
        return [*self._size_notes(options), *self._value_notes()]

    def _size_notes(self, options: ImageOptions) -> list[str]:
        sizes = set(self.sizes.values())
        side = self.size(options.size)[0]
        if options.size or self.is_one_size:
            return []
        what = f"several sizes ({size_range(sizes)})" if len(sizes) > 1 else f"a large size ({size_range(sizes)})"
        made = f"made {side}x{side} ({options.fit})"
        return [f"images have {what}: {made}; another: --data size=N, --data fit=crop, pad or stretch"]

    def _value_notes(self) -> list[str]:
        if not self.deep:
            return []
        low, high = self.limits()
        most, hold = max(high for _, high in self.deep), "holds" if len(self.deep) == 1 else "hold"
        found = f"{plural(len(self.deep), 'image')} of more than 8 bits {hold} values up to {most:.6g}"
        return [f"{found}: {low:.6g} is made black and {high:.6g} white, in all of them"]


def survey(
    samples: Sequence[Sample], options: ImageOptions, tell: Callable[[float], None] = lambda share: None
) -> Survey:
    """Look at images on all cores, and report progress. Where a few hundred JPEGs suffice to choose the size, the
    others are not opened before they are decoded: they have 8 bits. Raises RunError where one cannot be read at this
    moment.
    """
    found, sources = Survey(), [source for source, _ in samples]
    few = sources[:: spread(len(sources))]
    jpegs: list[Source] = []
    others: list[Source] = []
    left = set(sources).difference(few)
    for source in sources:
        if source in left:
            (jpegs if items.is_jpeg(source) else others).append(source)
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(max_workers=cpu_count()) as pool:
        _look_at([*few, *others], found, pool, tell)
        if found.is_one_size and not options.size:
            _look_at(jpegs, found, pool, tell)
    found.sides = [min(found.sizes[source]) for source in few if source in found.sizes]
    return found


def _look_at(sources: Sequence[Source], found: Survey, pool: ThreadPoolExecutor, tell: Callable[[float], None]) -> None:
    for start in range(0, len(sources), AT_ONCE):
        some = sources[start : start + AT_ONCE]
        for source, seen in zip(some, pool.map(_look, some), strict=True):
            if isinstance(seen, UnreadableError):
                found.broken.append((source, str(seen)))
                continue
            found.sizes[source] = seen[0]
            if seen[1] is not None:
                found.deep.append(seen[1])
        tell((start + len(some)) / len(sources))


def _look(source: Source) -> tuple[tuple[int, int], tuple[float, float] | None] | UnreadableError:
    try:
        size, deep = items.seen(source, image_file.look)
        return size, items.seen(source, image_file.value_range) if deep else None
    except UnreadableError as error:
        return error


def spread(count: int) -> int:
    """The distance between the examined images, of many."""
    return max(1, count // MOST_SIZES)


def size_range(sizes: set[tuple[int, int]]) -> str:
    """The smallest and the largest size: "8x8 to 20x10"."""
    least, most = min(sizes, key=math.prod), max(sizes, key=math.prod)
    return f"{least[0]}x{least[1]}" + ("" if least == most else f" to {most[0]}x{most[1]}")
