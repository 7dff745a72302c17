"""A member of the MNIST family that is small enough to be made up in a test."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dltui.core.contract.types import Task
from dltui.plugins.datasets.fashion_mnist import NAMES, Member


def pack(array: np.ndarray) -> bytes:
    """An array of bytes as a gzipped IDX file; incompressible noise stays about as long as it is."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def make_files(seed: int = 0) -> dict[str, bytes]:
    random = np.random.default_rng(seed)
    arrays = [
        random.integers(0, 256, (200, 28, 28)),
        np.arange(200) % 10,
        random.integers(0, 256, (50, 28, 28)),
        np.arange(50) % 10,
    ]
    return {name: pack(array) for name, array in zip(NAMES, arrays, strict=True)}


def make_member(files: dict[str, bytes], *mirrors: str, name: str = "small-mnist") -> Member:
    contents = [files[file] for file in NAMES]
    return Member(
        name,
        "noise",
        tuple("abcdefghij"),
        tuple(len(content) for content in contents),  # type: ignore[arg-type]
        tuple(hashlib.sha256(content).hexdigest() for content in contents),  # type: ignore[arg-type]
        mirrors,
        "",
    )


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@dataclass
class Told:
    """A preparation context that remembers what it was told."""

    data_dir: Path | None
    data_dirs: tuple[Path, ...]
    downloads: Path
    lines: list[tuple[str, float | None]] = field(default_factory=list)
    cancel_at: float = 2.0
    scratch: Path = Path()
    task: Task = "classification"

    def progress(self, text: str, fraction: float | None = None) -> None:
        self.lines.append((text, fraction))
        if fraction is not None and fraction >= self.cancel_at:
            raise KeyboardInterrupt
