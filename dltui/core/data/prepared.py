"""Prepared data on disk: a folder of plain arrays and a meta.json, mapped into memory for training."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from dltui.core import fs
from dltui.core.contract import Data, Spec, Split
from dltui.core.contract.types import SplitName
from dltui.core.data.arrays import middle
from dltui.core.errors import RunError
from dltui.core.inputs.records import as_rows, record_type
from dltui.core.tasks.numbers import CHUNK_BYTES, chunks
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

    Parts = dict[SplitName, tuple[Array, Array, Array]]

FORMAT = 3
META = "meta.json"
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
PARTS = ("x", "y", "ids")
NAMES = "names"
LONGEST_NAME = 160
"""The longest name in bytes; of a longer name the end is kept, which distinguishes files."""
VERIFY_BYTES = 1 << 30


def load_prepared(path: Path) -> Data:
    """The data of a prepared folder, memory-mapped. Raises RunError when it is damaged."""
    try:
        meta = json.loads((path / META).read_text(encoding="utf-8"))
        spec = Spec.from_json(meta["spec"])
        splits = {name: _split(path, name, spec) for name in SPLITS}
        notes = tuple(map(str, meta.get("notes", ())))
        inputs = dict(meta.get("inputs") or {})
        return Data(meta["name"], spec, **splits, fingerprint=meta["fingerprint"], notes=notes, inputs=inputs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"prepared data in {path} is damaged ({error}); remove that folder, it is made again") from error


def _split(path: Path, name: SplitName, spec: Spec) -> Split:
    names = path / f"{name}_{NAMES}.npy"
    x, y, ids = (_open(path / f"{name}_{part}.npy") for part in PARTS)
    called = _open(names) if names.exists() else None
    if spec.named_inputs and x.dtype != record_type(spec.named_inputs):
        raise ValueError(f"{name} has other fields than its description")
    if x.shape[1:] == spec.input_shape:
        return Split(x, y, ids, called)
    return Split(middle(x, spec.input_shape), y, ids, called, stored=x)


def _open(path: Path) -> Array:
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def is_intact(path: Path) -> bool:
    """True if a prepared folder is complete and its bytes are those that were written; large data is not read again."""
    try:
        data = load_prepared(path)
    except RunError:
        return False
    size = sum(array.nbytes for name in SPLITS for array in _arrays(data.split(name)))
    # Beyond this reading everything again costs a start more than a flipped bit is likely to.
    return size > VERIFY_BYTES or fingerprint(data) == data.fingerprint


def fingerprint(data: Data) -> str:
    """SHA-256 over type, shape and bytes of all arrays, and the class names."""
    digest = Digest()
    for name in SPLITS:
        for array in _arrays(data.split(name)):
            digest.array(array.dtype, array.shape)
            for rows in chunks(array):
                digest.rows(array[rows])
    return digest.finish(data.spec.classes)


def _arrays(split: Split) -> tuple[Array, Array, Array]:
    """The arrays of a split as they are stored, in the order of PARTS."""
    return split.whole, split.y, split.ids


class Digest:
    """An incremental fingerprint, so that arrays are read only once while they are written."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._sha.update(f"{dtype.str} {tuple(shape)}\n".encode())

    def rows(self, rows: Array) -> None:
        self._sha.update(np.ascontiguousarray(as_rows(rows)).data.cast("B"))

    def finish(self, classes: tuple[str, ...]) -> str:
        self._sha.update(json.dumps(list(classes)).encode())
        return self._sha.hexdigest()


def save_prepared(
    folder: Path,
    name: str,
    spec: Spec,
    parts: Parts,
    tell: Callable[[str, float | None], None],
    notes: Sequence[str] = (),
    names: Mapping[SplitName, Sequence[str]] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> None:
    """Write rows of arrays into `folder`: `parts` maps each split to (x, y, rows of both), `names` to the names of
    those rows; `inputs` describes the conversion of files into rows.
    """
    digest = Digest()
    total = sum(len(rows) * x[:1].nbytes for x, _, rows in parts.values()) or 1
    done = 0
    for split in SPLITS:
        x, y, ids = parts[split]
        for part, array, rows in (("x", x, ids), ("y", y, ids), ("ids", ids, None)):
            for written in _write(folder / f"{split}_{part}.npy", array, rows, digest):
                done += written if part == "x" else 0
                tell(f"preparing {name}", min(1.0, done / total))
        if names and split in names:
            called = np.array([short_name(text) for text in names[split]], dtype=np.bytes_)
            # Not part of the fingerprint: the same images under other names are the same data.
            for _ in _write(folder / f"{split}_{NAMES}.npy", called, None, Digest()):
                pass
    meta = {
        "format": FORMAT,
        "name": name,
        "spec": asdict(spec),
        "fingerprint": digest.finish(spec.classes),
        "sizes": {split: len(parts[split][2]) for split in SPLITS},
        "notes": list(notes),
        "inputs": dict(inputs or {}),
    }
    fs.write_atomic(folder / META, json.dumps(meta, indent=1).encode())


def short_name(name: str) -> bytes:
    """The end of a long name, in whole characters."""
    return clean_line(name).encode()[-LONGEST_NAME:].decode(errors="ignore").encode()


def _write(path: Path, array: Array, rows: Array | None, digest: Digest) -> Iterator[int]:
    """Write the chosen rows of an array (None: all) as .npy, yielding the bytes of each piece.

    By plain writes, not through a mapped file: on a full disk those end in SIGBUS instead of an error.
    """
    count = len(array) if rows is None else len(rows)
    shape = (count, *array.shape[1:])
    digest.array(array.dtype, shape)
    if _is_file(array, count, rows) and path.parent in Path(str(array.filename)).parents:
        yield from _move(path, array, digest)
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
        fs.append_all(file.fileno(), _header(array.dtype, shape))
        for some in chunks(array, count):
            piece = np.ascontiguousarray(array[some] if rows is None else array[rows[some]])
            digest.rows(piece)
            fs.append_all(file.fileno(), piece.tobytes())
            yield piece.nbytes
        os.fsync(file.fileno())


def _is_file(array: Array, count: int, rows: Array | None) -> TypeGuard[np.memmap[Any, Any]]:
    """True if the rows are, one after the other, all of a .npy file."""
    if not isinstance(array, np.memmap) or array.base is None or not array.flags.c_contiguous or count != len(array):
        return False
    path = Path(str(array.filename))
    whole = path.suffix == ".npy" and array.offset + array.nbytes == path.stat().st_size
    return whole and (rows is None or np.array_equal(rows, np.arange(count)))


def _move(path: Path, array: np.memmap[Any, Any], digest: Digest) -> Iterator[int]:
    """Give the file of an array, which its dataset made among its own temporary files, another name."""
    Path(str(array.filename)).rename(path)
    # Read, not mapped: what is mapped counts as memory of this process.
    with path.open("rb", buffering=0) as file:
        file.seek(array.offset)
        while piece := file.read(CHUNK_BYTES):
            digest.rows(np.frombuffer(piece, np.uint8))
            yield len(piece)
        os.fsync(file.fileno())


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()
