"""The user's own images in tar archives, as webdataset writes them: KEY.jpg beside KEY.cls or KEY.json."""

from __future__ import annotations

import glob
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.errors import RunError
from dltui.core.inputs.numerals import as_number, is_missing
from dltui.core.paths import is_folder
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images.items import Part
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, Labeled, Listing, listing_of
from dltui.plugins.datasets.images.options import ShardOptions
from dltui.plugins.datasets.images.walk import ENDINGS, is_hidden
from dltui.plugins.datasets.tables.class_names import class_name

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

LABELS = ("cls", "json")
FIELDS = ("cls", "label", "class", "target", "y")
"""The names under which a JSON file may have the class."""
LONGEST_LABEL = 1 << 20
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
GZIP = b"\x1f\x8b"


@dataclass
class _Sample:
    """The files of a key."""

    image: Part | None = None
    plain: bool = False
    """True if the image is called KEY.jpg, not KEY.mask.jpg."""
    label: str = ""


@dataclass
class _LeftOut:
    """Samples that lack a part, and the first of them."""

    counts: dict[str, int] = field(default_factory=dict)
    first: str = ""

    def add(self, why: str, name: str) -> None:
        self.counts[why] = self.counts.get(why, 0) + 1
        self.first = self.first or name

    def note(self) -> list[str]:
        told = ", ".join(f"{count:,} {why}" for why, count in self.counts.items())
        return [f"samples left out: {told}; the first is {self.first}"] if told else []


def list_shards(path: str) -> Listing:
    """The images in the archives of a folder, or of a pattern with *, ? and {000..009}. Raises RunError."""
    shards = find(path)
    left_out = _LeftOut()
    rows = [row for shard in shards for row in _rows(shard, left_out)]
    if not rows:
        there = f"{clean_line(path)}: {plural(len(shards), 'archive')} without a sample"
        raise RunError(f"{there}; a sample is KEY.jpg (or .png and the like) beside KEY.cls or KEY.json")
    return listing_of(rows, clean_line(path), [f"images of {plural(len(shards), 'archive')}", *left_out.note()])


def find(path: str) -> list[str]:
    """The archives, in the order of their names. Raises RunError."""
    if not path:
        raise RunError("which archives? choose them as shards:FOLDER or shards:PATTERN")
    root = Path(path)
    if is_folder(root):
        below = [file for file in root.rglob("*.tar") if not any(map(is_hidden, file.relative_to(root).parts))]
        found = sorted(map(str, below))
        remedy = "it has no .tar files"
    else:
        patterns = list(_unfolded(path))
        # A pattern of glob's, below any folder.
        matches = [sorted(glob.glob(pattern, recursive=True)) for pattern in patterns]  # noqa: PTH207
        gone = [pattern for pattern, names in zip(patterns, matches, strict=True) if not names]
        if gone and len(patterns) > 1:
            raise RunError(
                f"{clean_line(gone[0])} is not there ({len(gone):,} of {len(patterns):,} archives are missing)"
            )
        found, remedy = [name for names in matches for name in names], "nothing is there of this name"
    if not found:
        raise RunError(f"{clean_line(path)}: {remedy}")
    return found


def _unfolded(pattern: str) -> Iterator[str]:
    """The patterns that one with {000..009} stands for."""
    match = RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    first, last = match.groups()
    for number in range(int(first), int(last) + 1):
        yield from _unfolded(f"{pattern[: match.start()]}{number:0{len(first)}}{pattern[match.end() :]}")


def _rows(shard: str, left_out: _LeftOut) -> Iterator[Labeled]:
    samples: dict[str, _Sample] = {}
    try:
        with Path(shard).open("rb") as file:
            if file.read(2) == GZIP:
                raise RunError(f"{clean_line(shard)} is compressed; unpack it first, parts of it are read in any order")
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                _add(samples, archive, member, shard, left_out)
            _check_end(archive, shard)
    except (tarfile.TarError, OSError, EOFError) as error:
        reason = clean_line(getattr(error, "strerror", None) or str(error), 100)
        what = "" if isinstance(error, OSError) else "; it is no tar archive or damaged: make or copy it again"
        raise RunError(f"{clean_line(shard)} cannot be read: {reason}{what}") from None
    split = _split(shard)
    for key, sample in samples.items():
        name = f"{clean_line(Path(shard).name)}: {clean_line(key)}"
        if sample.image is None or not sample.label:
            left_out.add("without an image" if sample.image is None else "without a class", name)
            continue
        yield Labeled(sample.image, sample.label, split, name)


def _add(samples: dict[str, _Sample], archive: TarFile, member: TarInfo, shard: str, left_out: _LeftOut) -> None:
    folder, _, file = member.name.rpartition("/")
    stem, dot, kind = file.partition(".")
    if not member.isfile() or not stem or not dot:
        return
    key = f"{folder}/{stem}" if folder else stem
    sample = samples.setdefault(key, _Sample())
    kind = kind.lower()
    if f".{kind.rpartition('.')[2]}" in ENDINGS:
        plain = "." not in kind
        if sample.image is not None:
            left_out.add("beside another image", f"{clean_line(Path(shard).name)}: {clean_line(key)}")
        if sample.image is None or (plain and not sample.plain):
            sample.image = Part(shard, member.offset_data, member.size, f"{Path(shard).name}/{member.name}")
            sample.plain = plain
    elif kind in LABELS and member.size <= LONGEST_LABEL and not sample.label:
        found = archive.extractfile(member)
        sample.label = _label(found.read() if found else b"", kind)


def _check_end(archive: TarFile, shard: str) -> None:
    """Check that the last member is whole and that the end of the archive follows. Raises RunError."""
    members = archive.getmembers()
    if members and members[-1].offset_data + members[-1].size > os.path.getsize(shard):  # noqa: PTH202
        raise RunError(f"{clean_line(shard)} is cut off in {clean_line(members[-1].name)}")
    # tarfile takes a damaged header for the end.
    with Path(shard).open("rb") as file:
        file.seek(archive.offset)
        block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        after = f" after {clean_line(members[-1].name)}" if members else ""
        raise RunError(f"{clean_line(shard)} is damaged{after}; make or copy it again")


def _label(content: bytes, kind: str) -> str:
    """The class in a label file; "" where there is none."""
    text = _text(content, kind)
    return "" if is_missing(text) else class_name(text, as_number(text))


def _text(content: bytes, kind: str) -> str:
    try:
        text = content.decode().strip()
        if kind == "cls":
            return text
        record: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if isinstance(record, dict):
        record = next((record[name] for name in FIELDS if name in record), "")
    return str(record).strip() if isinstance(record, (str, int)) and not isinstance(record, bool) else ""


def _split(shard: str) -> str:
    """The part of an archive by its name or its folder's: train-000.tar, val/000.tar; without one it is train."""
    path = Path(shard)
    for word in (re.split(r"[^a-z]", path.name.lower())[0], path.parent.name.lower()):
        for split, words in SPLIT_NAMES.items():
            if word in words:
                return split
    return "train"


def prepare(options: ShardOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.images.prepare import arrays

    context.progress("reading the lists of the archives")
    return arrays(list_shards(options.path), options, context)


def sources(options: ShardOptions, folders: Sequence[Path]) -> list[Path]:
    return [Path(path) for path in find(options.path)] if options.path else []


def preview(options: ShardOptions) -> Preview:
    from dltui.plugins.datasets.images.preview import preview_of

    return preview_of(list_shards(options.path), options)


DATASET = Dataset(
    name="shards",
    task="classification",
    summary="your own images in tar archives (webdataset): shards:FOLDER or shards:PATTERN",
    options=ShardOptions,
    prepare=prepare,
    sources=sources,
    takes="folder",
    preview=preview,
)
