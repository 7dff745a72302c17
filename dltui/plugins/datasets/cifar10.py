"""CIFAR-10 in its binary version: plain bytes, whereas the other versions would have to be unpickled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions
from dltui.core.errors import RunError
from dltui.plugins.datasets.downloads.archive import read_files
from dltui.plugins.datasets.downloads.expected_file import KnownFile
from dltui.plugins.datasets.downloads.obtain import find, obtain

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

SIDE, CHANNELS = 32, 3
RECORD = 1 + SIDE * SIDE * CHANNELS
"""A label, then all red, all green and all blue pixels, each row by row."""
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"{FOLDER}/data_batch_{number}.bin" for number in range(1, 6))
TEST = f"{FOLDER}/test_batch.bin"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Archive:
    """The file, its mirrors in order of trust, and the images in each of its six batches."""

    file: KnownFile
    mirrors: tuple[str, ...]
    batch: int


OFFICIAL = Archive(
    # Size and SHA-256 as tensorflow_datasets lists them (url_checksums/cifar10.txt).
    KnownFile(
        "cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    ),
    ("https://www.cs.toronto.edu/~kriz",),
    10_000,
)


def dataset(archive: Archive) -> Dataset:
    """The dataset plugin for an archive of this form."""
    return Dataset(
        name="cifar10",
        task="classification",
        summary="color photographs of animals and vehicles, 32x32, ten kinds",
        options=DatasetOptions,
        prepare=partial(_prepare, archive),
        sources=partial(_sources, archive),
        input_shape=(SIDE, SIDE, CHANNELS),
        classes=len(CLASSES),
        train_size=len(TRAIN) * archive.batch,
        test_size=archive.batch,
        download_bytes=archive.file.size,
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        files=(archive.file.name,),
        file_sizes=(archive.file.size,),
        urls=tuple(f"{mirror}/{archive.file.name}" for mirror in archive.mirrors),
    )


def _sources(archive: Archive, options: DatasetOptions, folders: Sequence[Path]) -> list[Path]:
    return find([archive.file], folders)


def _prepare(archive: Archive, options: DatasetOptions, context: PreparationContext) -> Arrays:
    import numpy as np

    (path,) = obtain("cifar10", [archive.file], archive.mirrors, context)
    context.progress("unpacking cifar10")
    files = read_files(path, dict.fromkeys((*TRAIN, TEST), archive.batch * RECORD))
    train = [decode(path, files[name]) for name in TRAIN]
    x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return Arrays((x, y), decode(path, files[TEST]), CLASSES)


def decode(path: Path, content: bytes) -> tuple[Array, Array]:
    """The images uint8 (n, 32, 32, 3) and labels int64 (n,) of a batch."""
    import numpy as np

    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    if records[:, 0].max(initial=0) >= len(CLASSES):
        raise RunError(f"{path} has a label above {len(CLASSES) - 1}; get the file again")
    images = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype(np.int64)


DATASET = dataset(OFFICIAL)
