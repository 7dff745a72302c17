"""folder:PATH with something wrong: left out and listed, or refused in one line with nothing left behind."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.core.errors import RunError
from dltui.plugins.datasets.images.listing import list_images
from tests.helpers.own_data import left_in_cache, make_folder, make_image, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def broken(root: Path) -> None:
    make_image(root / "cat" / "cut.jpg")
    content = (root / "cat" / "cut.jpg").read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(content[: len(content) // 2])
    (root / "cat" / "empty.png").write_bytes(b"")
    (root / "dog" / "text.png").write_text("no image at all")
    # A header that promises a hundred megapixels, as a bomb does.
    Image.new("1", (10_001, 10_000)).save(root / "dog" / "bomb.png")


def test_broken_images_are_left_out_and_listed(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    broken(root)
    data = prepared("folder", path=str(root))
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    assert data.notes[0] == "unreadable and left out: 4 of 24 images"
    reasons = {Path(note.split(": ")[0]).name: note.split(": ")[1] for note in data.notes[1:]}
    assert reasons["empty.png"] == "not an image"
    assert reasons["text.png"] == "not an image"
    assert reasons["bomb.png"].startswith("100 megapixels")
    assert "cut" in reasons["cut.jpg"]


def test_a_header_that_lies_about_its_rows_is_told_in_our_words(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    header = struct.pack(">IIBBBBB", 1000, 10**9, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(3001))), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    (root / "cat" / "lie.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    notes = prepared("folder", path=str(root)).notes
    assert notes[1].endswith("lie.png: more than 50 megapixels are not read")


def test_values_that_are_no_numbers_are_told_and_not_made_black(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    values = np.ones((8, 8), np.float32)
    Image.fromarray(values).save(root / "cat" / "fine.tif")
    values[2, 3:6] = np.nan
    Image.fromarray(values).save(root / "cat" / "lost.tif")
    notes = prepared("folder", path=str(root)).notes
    assert notes[0].startswith("1 image of more than 8 bits holds values up to 1")
    assert notes[1] == "unreadable and left out: 1 of 22 images"
    assert notes[2].endswith("lost.tif: 3 of its 64 pixels are no numbers (NaN or infinite)")


def test_thumbnails_of_a_system_are_left_out_and_told(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    for place in ("@eaDir/0.png", "cat/@eaDir/0.png", "cat/.thumbnails", "dog/__MACOSX", "__MACOSX/cat"):
        make_image(root / place / "SYNOPHOTO_THUMB_M.jpg")
    (root / "dog" / "._0.png").write_bytes(b"attributes")
    found = list_images(str(root))
    assert found.classes == ("cat", "dog")
    assert sum(map(len, found.splits.values())) == 20
    told = "2 in @eaDir, 2 in __MACOSX, 1 ._*, 1 in .thumbnails"
    assert found.notes == (f"left out, as no images that are read: {told}",)


def none(root: Path) -> None:
    root.mkdir()


def one_class(root: Path) -> None:
    make_folder(root, ("cat",))


def loose(root: Path) -> None:
    make_image(root / "a.png")


def nothing_readable(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(10):
            (root / name / f"{number}.png").write_text("text")


def too_few(root: Path) -> None:
    make_folder(root, each=1)


def stranger(root: Path) -> None:
    make_folder(root / "train")
    make_folder(root / "test", ("cat", "dog", "emu"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (none, "has no images"),
        (one_class, "has one class, cat; two are needed"),
        (loose, "images but no folders of classes"),
        (nothing_readable, r"none of 20 images can be read; .*\.png: not an image"),
        (too_few, "too few images for a validation part: 2 in 2 classes; 3 of a class are needed"),
        (stranger, "emu is a class that .*train does not have"),
        (lambda root: root.write_text("a file"), "is a file, not a folder"),
        (lambda root: None, "is not there"),
    ],
)
def test_bad_folders_are_one_line_and_leave_nothing(tmp_path: Path, home: Path, make: object, words: str) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(RunError, match=words) as caught:
        prepared("folder", path=str(tmp_path / "x"))
    assert "\n" not in str(caught.value)
    assert left_in_cache(home) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_folder_is_one_line(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    (root / "cat").chmod(0)
    try:
        with pytest.raises(RunError, match=r"cannot read .*cat: permission denied"):
            prepared("folder", path=str(root))
    finally:
        (root / "cat").chmod(0o700)


def test_what_the_system_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "x")

    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(RunError, match=r"cannot read .*x: permission denied"):
        list_images(str(root))
