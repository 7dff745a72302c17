"""Batches that are read ahead from a file are those that lie in it, whatever part of it is mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.data import streaming
from dltui.core.data.streaming import Stream, can_stream


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (60, 5, 7, 3), dtype=np.uint8))
    found: np.ndarray = np.load(tmp_path / "x.npy", mmap_mode="r")
    return found


@pytest.mark.parametrize("part", [slice(None), slice(7, None), slice(7, 40)], ids=str)
def test_batches_are_the_rows_of_the_plan(mapped: np.ndarray, part: slice) -> None:
    x = mapped[part]
    stream = Stream(x)
    for seed in range(2):
        plan = np.random.default_rng(seed).integers(0, len(x), (30, 4)).astype(np.int32)
        stream.begin(plan)
        for step in range(20):
            assert np.array_equal(stream.take(step), x[plan[step]])


@pytest.mark.parametrize("part", [slice(None), slice(7, 40)], ids=str)
def test_consecutive_rows_are_read(mapped: np.ndarray, part: slice, monkeypatch: pytest.MonkeyPatch) -> None:
    x = mapped[part]
    assert isinstance(streaming.consecutive(x, slice(3, 9)), np.memmap)
    monkeypatch.setattr(streaming, "STREAMED_BYTES", 0)
    for rows in (slice(3, 9), slice(len(x) - 2, len(x) + 5), slice(5, 5)):
        found = streaming.consecutive(x, rows)
        assert not isinstance(found, np.memmap)
        assert np.array_equal(found, x[rows])
    # What is mapped in pieces is taken from the map.
    assert np.array_equal(streaming.consecutive(x[:, 1:3], slice(3, 9)), x[3:9, 1:3])


def test_photos_are_read_however_few(tmp_path: Path) -> None:
    """So that memory does not follow their number."""
    for side, read in ((8, False), (256, True)):
        np.save(tmp_path / f"{side}.npy", np.zeros((3, side, side, 3), dtype=np.uint8))
        x = np.load(tmp_path / f"{side}.npy", mmap_mode="r")
        assert streaming.is_read(x) == read
        assert isinstance(streaming.consecutive(x, slice(0, 2)), np.memmap) != read
    assert not streaming.is_read(np.array(x)), "what lies in memory already"


def test_features_stream_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    stream = Stream(x)
    stream.begin(np.array([[3, 1], [19, 0]]))
    assert np.array_equal(stream.take(1), x[[19, 0]])


def test_only_whole_pieces_of_a_file_stream(mapped: np.ndarray) -> None:
    assert can_stream(mapped)
    assert not can_stream(mapped[..., :1])
    assert not can_stream(np.array(mapped))


def test_what_is_read_ahead_is_bounded(mapped: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "AHEAD_BYTES", 2 * 4 * mapped[:1].nbytes)
    stream = Stream(mapped)
    stream.begin(np.zeros((50, 4), dtype=np.int32))
    assert len(stream._coming) == 3


def test_a_file_that_was_cut_is_an_error(mapped: np.ndarray, tmp_path: Path) -> None:
    stream = Stream(mapped)
    with (tmp_path / "x.npy").open("r+b") as file:
        file.truncate(1000)
    stream.begin(np.array([[59]]))
    with pytest.raises(OSError, match="row 59 of the prepared data cannot be read"):
        stream.take(0)
