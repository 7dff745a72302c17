"""Rows of pixels that earlier preparations made: what is new in a folder alone must be read.

Beside prepared data lies a list of the files behind its rows. Its first line holds the arguments and the `reader` by
which they were read; each other line a file with its size and time, the row, and the CRC-32 of its pixels. The
preparation that was killed leaves such a list, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import PIL

from dltui.core.data import image_file
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding.rows import Known

if TYPE_CHECKING:
    from dltui.core.contract.types import SplitName
    from dltui.plugins.datasets.images.items import Source

FILE = "files.jsonl"
Version = tuple[int, int]


class Files:
    """The list of files of one preparation, as it is written."""

    def __init__(self, folder: Path, reading: Mapping[str, Any]) -> None:
        self._path, self._first = folder / FILE, {**reading, "reader": reader()}
        self._file: TextIO = self._path.open("w", encoding="utf-8")
        self._write(self._first)

    def add(self, split: str, rows: Sequence[tuple[int, Source, Version, int]]) -> None:
        """Add rows of a part: number, file, its version, CRC-32."""
        for row, source, version, crc in rows:
            self._write([split, row, source, *version, crc])
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def moved(self, parts: Mapping[SplitName, Sequence[tuple[int, Source, Version, int]]]) -> None:
        """Write the list again, for rows that have other places now."""
        self._file.close()
        self._file = self._path.open("w", encoding="utf-8")
        self._write(self._first)
        for split, rows in parts.items():
            self.add(split, rows)
        self._file.close()

    def _write(self, record: Any) -> None:
        self._file.write(json.dumps(record) + "\n")


def reader() -> str:
    """A digest of the code and the versions of the libraries that make pixels of a file."""
    try:
        heif = metadata.version("pillow-heif")
    except metadata.PackageNotFoundError:
        heif = ""
    code = Path(image_file.__file__).read_bytes()
    return hashlib.sha256(code + f"{PIL.__version__} {heif}".encode()).hexdigest()[:20]


def known(earlier: Sequence[Path], reading: Mapping[str, Any]) -> dict[tuple[Source, Version], Known]:
    """The rows that earlier preparations made by the same reading and reader. `earlier` are their folders."""
    first = {**reading, "reader": reader()}
    found: dict[tuple[Source, Version], Known] = {}
    for folder in earlier:
        try:
            with (folder / "kept" / FILE).open(encoding="utf-8") as lines:
                if json.loads(next(lines, "null")) == first:
                    found.update(_rows(folder, lines, reading))
        except (OSError, ValueError, TypeError):
            continue
    return found


def _rows(
    folder: Path, lines: Iterator[str], reading: Mapping[str, Any]
) -> Iterator[tuple[tuple[Source, Version], Known]]:
    pixels, files = reading["height"] * reading["width"], _Files(folder, reading)
    for line in lines:
        if not line.endswith("\n"):
            # The last line of a killed preparation.
            return
        split, row, source, size, changed, crc = json.loads(line)
        file, begin, channels = files.of(split)
        place = begin + row * pixels * channels
        yield (items.from_json(source), (size, changed)), Known(file, place, channels, crc)


class _Files:
    """The files of pixels in the folder of a preparation, by part."""

    def __init__(self, folder: Path, reading: Mapping[str, Any]) -> None:
        self._folder, self._channels = folder, int(reading["channels"])
        self._found: dict[str, tuple[str, int, int]] = {}

    def of(self, split: str) -> tuple[str, int, int]:
        """The path, the bytes before its first row, and the channels of its rows."""
        if split not in self._found:
            ended, begun = self._folder / f"{split}_x.npy", unfinished(self._folder / "scratch", split)
            if ended.exists():
                x = np.load(ended, mmap_mode="r")
                self._found[split] = (str(ended), int(x.offset), int(x.shape[-1]))
            else:
                self._found[split] = (str(begun), HEADER, self._channels)
        return self._found[split]


HEADER = 128
"""The bytes before the first row of a file that is being made: room for the header of a .npy file."""


def unfinished(scratch: Path, split: str) -> Path:
    """The file of pixels of a part while it is being made."""
    return scratch / f"{split}.npy"
