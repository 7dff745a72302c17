"""Data in which files were left out is made again once these can be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltui.core.data import image_file, readable


def test_a_file_that_may_be_read_by_now_has_another_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes one system call for each of a million files."""
    path = tmp_path / "1.jpg"
    path.write_bytes(b"an image")
    monkeypatch.delattr(os, "access")
    path.chmod(0)
    before = readable.stamp(path)
    path.chmod(0o600)
    assert readable.stamp(path) != before
    assert readable.stamp(path) == readable.stamp(path)


@pytest.mark.parametrize("name", ["x.HEIC", "x.avif", "x.tar"])
def test_another_decoder_counts_where_a_file_may_need_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "formats", lambda: ("PNG", "AVIF"))
    before = readable.decoders([Path("y.jpg"), Path(name)])
    monkeypatch.setattr(image_file, "formats", lambda: ("PNG", "AVIF", "HEIF"))
    assert readable.decoders([Path("y.jpg"), Path(name)]) != before
    assert readable.decoders([Path("y.jpg")]) == []


def test_all_endings_that_name_a_decoder_are_known() -> None:
    assert set(image_file.INSTALLS) <= set(readable.OWN_DECODERS)
