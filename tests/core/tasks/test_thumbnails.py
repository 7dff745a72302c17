"""Small images of samples, of many photos, too, in little memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dltui.core.data.arrays import middle
from dltui.core.tasks import thumbnails

MB = 1 << 20


def of_files() -> int:
    """The memory of this process in bytes that is of files."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("RssFile"))
    return int(line.split()[1]) << 10


def test_images_are_reduced() -> None:
    x = np.random.default_rng(0).integers(0, 256, (9, 200, 100, 3), dtype=np.uint8)
    rows = np.array([7, 0, 3])
    assert np.array_equal(thumbnails.of(x, rows), x[rows][:, ::4, ::4])
    assert thumbnails.of(x, rows[:0]).shape == (0, 50, 25, 3)
    assert thumbnails.of(x.astype(np.float32), rows).shape == (0, 0, 0, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel tells the memory of files on Linux")
def test_photos_in_a_file_leave_no_memory_behind(tmp_path: Path) -> None:
    stored = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (400, 256, 256, 3))
    stored[::7] = np.random.default_rng(0).integers(0, 256, stored[::7].shape, dtype=np.uint8)
    stored.flush()
    del stored
    photos, rows = np.load(tmp_path / "x.npy", mmap_mode="r"), np.arange(400)[::-1]
    seen, before = middle(photos, (224, 224, 3)), of_files()
    small = thumbnails.of(seen, rows)
    assert of_files() - before < 16 * MB < photos.nbytes // 4
    assert np.array_equal(small[::40], np.asarray(seen[rows[::40]])[:, ::4, ::4])
