"""Decodes images into files of pixels, one for each part of a dataset; they may be larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltui.core.data import image_file
from dltui.core.data.arrays import moments
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding import kept, pool
from dltui.plugins.datasets.images.decoding.rows import VALUES, Answer, Batch

if TYPE_CHECKING:
    from dltui.core.contract import PreparationContext
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.decoding.kept import Version
    from dltui.plugins.datasets.images.items import Source
    from dltui.plugins.datasets.images.listing import Sample

AT_ONCE = 16
"""The images of a batch."""
DARK = 32
"""The value, of 255, below which the brightest value of a dataset is suspicious."""


@dataclass
class Decoded:
    """The decoded images. By split, images uint8 (n, height, width, channels), mapped from a file, and labels int64
    (n,).
    """

    parts: dict[SplitName, tuple[Array, Array]]
    names: dict[SplitName, list[str]]
    """The files behind the images, as below the folder."""
    reading: dict[str, Any]
    """The arguments of `image_file.read` for all images, with the channels that were found to be needed."""
    broken: list[tuple[Source, str]]
    notes: tuple[str, ...]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    """Of the train images, for each channel; None where some of them are left out."""


@dataclass
class _Part:
    """A part as it is read: the images that could be read in their order, with the version of their file and the CRC-32
    of their pixels.
    """

    samples: Sequence[Sample]
    versions: list[Version]
    rows: list[tuple[int, Version, int]] = field(default_factory=list)
    """The number of the sample, which is the row too until the rows of others are closed up."""

    def labels(self) -> list[int]:
        """The label of each row."""
        return [self.samples[number][1] for number, *_ in self.rows]


class _Decoder:
    def __init__(
        self,
        parts: Mapping[SplitName, Sequence[Sample]],
        reading: Mapping[str, Any],
        context: PreparationContext,
    ) -> None:
        import numpy as np

        self._context, self._reading = context, image_file.with_border(reading)
        self.parts: dict[SplitName, _Part] = {
            split: _Part(samples, items.version([source for source, _ in samples])) for split, samples in parts.items()
        }
        self._row = self._reading["height"] * self._reading["width"] * self._reading["channels"]
        self._known = kept.known(context.earlier, self._reading)
        self._files = kept.Files(context.kept, self._reading)
        self.counts = np.zeros((self._reading["channels"], VALUES), dtype=np.int64)
        """How often each value occurs in the train images."""
        self.brightest = 0
        self.colored = False
        self.broken: list[tuple[Source, str]] = []

    def decode(self, learned: bool) -> None:
        """Read all images, and close the gaps of those that could not be read; with `learned` also of those with a
        label that no train image has.
        """
        total, done = sum(len(part.samples) for part in self.parts.values()), 0
        for split in self.parts:
            self._file(split).touch(0o600)
        with closing(pool.read((batch for _, batch in self._batches()), total)) as answers:
            for (split, _), (batch, answer) in zip(self._batches(), answers, strict=True):
                self._take(split, batch, answer)
                done += len(batch.rows)
                self._context.progress(f"reading {plural(total, 'image')}", done / total)
        self._files.close()
        self._require()
        if learned:
            self._leave_unlearned()
        for split, part in self.parts.items():
            self._finish(split, part)
        if self.broken:
            rows = {
                split: [
                    (row, part.samples[number][0], version, crc) for row, (number, version, crc) in enumerate(part.rows)
                ]
                for split, part in self.parts.items()
            }
            self._files.moved(rows)

    def x(self, split: SplitName) -> Array:
        """The images of a part, mapped from its file."""
        import numpy as np

        found: Array = np.load(self._file(split), mmap_mode="r")
        return found

    def _file(self, split: SplitName) -> Path:
        return kept.unfinished(self._context.scratch, split)

    def _batches(self) -> Iterator[tuple[SplitName, Batch]]:
        for split, part in self.parts.items():
            for begin in range(0, len(part.samples), AT_ONCE):
                rows = list(range(begin, min(begin + AT_ONCE, len(part.samples))))
                sources = [part.samples[row][0] for row in rows]
                known = [
                    self._known.get((source, part.versions[row])) for row, source in zip(rows, sources, strict=True)
                ]
                yield split, Batch(str(self._file(split)), kept.HEADER, self._reading, rows, sources, known)

    def _take(self, split: SplitName, batch: Batch, answer: Answer) -> None:
        import numpy as np

        part, counts = self.parts[split], np.array(answer.counts)
        if split == "train":
            self.counts += counts
        self.brightest = max(self.brightest, int(np.flatnonzero(counts.any(axis=0)).max(initial=0)))
        self.colored = self.colored or answer.colored
        good = []
        for row, source, reason, crc in zip(batch.rows, batch.sources, answer.reasons, answer.crcs, strict=True):
            if reason:
                self.broken.append((source, reason))
                continue
            part.rows.append((row, part.versions[row], crc))
            good.append((row, source, part.versions[row], crc))
        self._files.add(split, good)

    def _require(self) -> None:
        """Raise RunError for a part of which no image could be read."""
        for split, part in self.parts.items():
            if not part.rows:
                own = {source for source, _ in part.samples}
                source, reason = next(one for one in self.broken if one[0] in own)
                count = plural(len(part.samples), f"{split} image")
                raise RunError(f"none of the {count} can be read; {clean_line(items.name(source))}: {reason}")

    def _leave_unlearned(self) -> None:
        present = set(self.parts["train"].labels())
        for part in self.parts.values():
            part.rows = [row for row, label in zip(part.rows, part.labels(), strict=True) if label in present]

    def _finish(self, split: SplitName, part: _Part) -> None:
        """Close up the rows, and make a .npy file of them."""
        shape = (len(part.rows), self._reading["height"], self._reading["width"], self._reading["channels"])
        with self._file(split).open("r+b", buffering=0) as file:
            for row, (number, _, _) in enumerate(part.rows):
                if row != number:
                    data = os.pread(file.fileno(), self._row, kept.HEADER + number * self._row)
                    os.pwrite(file.fileno(), data, kept.HEADER + row * self._row)
            file.truncate(kept.HEADER + len(part.rows) * self._row)
            os.pwrite(file.fileno(), _header(shape), 0)


def decode(
    parts: Mapping[SplitName, Sequence[Sample]],
    color: Literal["auto", "gray", "color"],
    reading: Mapping[str, Any],
    context: PreparationContext,
    below: str = "",
    learned: bool = False,
) -> Decoded:
    """Decode all images; their names are those below the folder `below`. With `learned`, images with a label that no
    train image has are left out, which can leave a part empty. Raises RunError when no image of a split can be read.
    """
    import numpy as np

    reading = {**reading, "channels": 1 if color == "gray" else 3}
    decoder = _Decoder(parts, reading, context)
    decoder.decode(learned)
    gray = color == "auto" and not decoder.colored
    found: dict[SplitName, tuple[Array, Array]] = {}
    names: dict[SplitName, list[str]] = {}
    for split, part in decoder.parts.items():
        x = decoder.x(split)
        labels = np.array(part.labels(), dtype=np.int64)
        found[split] = (x[..., :1] if gray else x, labels)
        names[split] = [items.name(part.samples[number][0], below) for number, *_ in part.rows]
    # Core leaves out what is dropped, and then measures the rest.
    mean, std = (None, None) if context.dropped else moments(decoder.counts[:1] if gray else decoder.counts)
    reading = {**reading, "channels": 1} if gray else reading
    return Decoded(found, names, reading, decoder.broken, _dark(decoder.brightest), mean, std)


def _header(shape: tuple[int, ...]) -> bytes:
    """The beginning of a .npy file of bytes, filled up to the length for which there is room."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    return (
        b"\x93NUMPY\x01\x00" + (kept.HEADER - 10).to_bytes(2, "little") + text.ljust(kept.HEADER - 11).encode() + b"\n"
    )


def _dark(brightest: int) -> tuple[str, ...]:
    if brightest >= DARK:
        return ()
    return (f"all images are nearly black: the brightest value is {brightest} of 255",)
