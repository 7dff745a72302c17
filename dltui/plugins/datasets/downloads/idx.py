"""Reads the IDX format of MNIST: big-endian magic number and sizes, then the bytes of an array."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

UINT8 = 8


def read_idx(path: Path) -> Array:
    """The uint8 array of a gzipped IDX file; labels and images alike. Raises RunError naming the file."""
    import numpy as np

    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{path} cannot be unpacked: {error}; get the file again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UINT8:
        raise RunError(f"{path} is not an IDX file of bytes; get the file again")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise RunError(f"{path} ends within its header; get the file again")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = 1
    for size in shape:
        expected *= size
    if len(content) - start != expected:
        raise RunError(f"{path} announces {expected:,} bytes and holds {len(content) - start:,}; get the file again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
