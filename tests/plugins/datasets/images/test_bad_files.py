"""folder:PATH with something wrong: left out and listed, or refused in one line with nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.core.errors import RunError
from dltui.plugins.datasets.images.folder import preview
from dltui.plugins.datasets.images.listing import Listing, Sample, list_images
from dltui.plugins.datasets.images.options import FolderOptions
from dltui.plugins.datasets.images.prepare import require_parts
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


def test_a_part_that_cannot_be_read_is_refused_and_not_drawn(tmp_path: Path, home: Path) -> None:
    root = tmp_path / "x"
    for part in ("train", "test"):
        make_folder(root / part, each=6)
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"")
    line = r"nothing is left of 12 test images; \S*test/cat/0\.png: not an image; repair such files or remove the test"
    with pytest.raises(RunError, match=line):
        prepared("folder", path=str(root))
    assert "none of the test images that were looked at can be read" in preview(FolderOptions(path=str(root))).notes
    assert left_in_cache(home) == []


def test_a_part_of_classes_that_are_left_out_is_refused_too(tmp_path: Path) -> None:
    make_folder(tmp_path / "x" / "train", ("cat", "dog", "emu"), each=6)
    make_folder(tmp_path / "x" / "val", ("emu",), each=2)
    for path in (tmp_path / "x" / "train" / "emu").iterdir():
        path.write_bytes(b"")
    line = r"nothing is left of 2 validation images; \S*emu/0\.png: no train image of its class can be read"
    with pytest.raises(RunError, match=line):
        prepared("folder", path=str(tmp_path / "x"))


def test_only_a_part_that_can_be_removed_is_to_be_removed(tmp_path: Path) -> None:
    samples: list[Sample] = [(str(tmp_path / f"{number}.png"), number) for number in (0, 1)]
    listing = Listing(("cat", "dog"), {"train": samples, "test": samples})
    bad = {source: "not an image" for source, _ in samples}
    for split, remedy in (("train", "repair such files"), ("test", "repair such files or remove the test part")):
        left = {"train": samples, "test": samples, split: []}
        with pytest.raises(RunError, match=rf"of 2 {split} images; \S+/0\.png: not an image; {remedy}$"):
            require_parts(listing, left, bad)


def test_a_part_of_a_class_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "x"
    make_folder(root / "train", ("ant", "cat", "dog"), each=6, size=(64, 64))
    for number in range(6):
        (root / "train" / "cat" / f"{number}.png").unlink()
        cut(root / "train" / "cat" / f"{number}.jpg", number)
    make_folder(root / "test", ("cat",), each=2, size=(64, 64))
    told = "nothing is left of 2 test images; no train image of cat can be read; repair such files or remove the test"
    with pytest.raises(RunError, match=f"{told} part$"):
        prepared("folder", path=str(root))


def cut(path: Path, seed: int = 0) -> None:
    """A JPEG whose header can be read, but not its pixels."""
    content = make_image(path, (64, 64), seed=seed).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def test_a_class_whose_train_images_cannot_be_decoded_is_left_out(tmp_path: Path, home: Path) -> None:
    """Of the other parts, too: nothing can learn it."""
    root = tmp_path / "x"
    for part, each in (("train", 6), ("test", 3)):
        make_folder(root / part, ("ant", "cat", "dog"), each=each, size=(64, 64))
    for number in range(6):
        (root / "train" / "cat" / f"{number}.png").unlink()
        cut(root / "train" / "cat" / f"{number}.jpg", number)
    data = prepared("folder", path=str(root))
    assert data.spec.classes == ("ant", "dog")
    assert sorted(data.test.y.tolist()) == [0, 0, 0, 1, 1, 1]
    assert data.test.names is not None
    assert [name.decode().split("/")[1] for name in data.test.names] == ["ant"] * 3 + ["dog"] * 3
    assert len(data.test.x) == 6
    (listed,) = home.rglob("files.jsonl")
    for split, row, _, _, _, crc in map(json.loads, listed.read_text().splitlines()[1:]):
        assert zlib.crc32(getattr(data, split).x[row].tobytes()) == crc, "the rows are known to the next preparation"
    assert "class cat is left out: none of its 6 train images can be read (cut off)" in data.notes


def test_a_part_that_cannot_be_decoded_names_its_own_image(tmp_path: Path) -> None:
    root = tmp_path / "x"
    for part in ("train", "test"):
        make_folder(root / part, each=6, size=(64, 64))
    cut(root / "train" / "cat" / "0.jpg")
    for path in [*(root / "test").rglob("*.png")]:
        path.unlink()
        cut(path.with_suffix(".jpg"))
    with pytest.raises(RunError, match=r"none of the 12 test images can be read; \S*x/test/cat/0\.jpg: cut off"):
        prepared("folder", path=str(root))


DISK = "try again when its disk can be read"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ESTALE, DISK),
        (errno.EIO, DISK),
        (errno.ENOENT, DISK),
        (errno.EMFILE, r"[a-z ,]+ raise the limit of open files \(ulimit -n\)$"),
        (errno.ENFILE, "close other programs"),
        (errno.ENOMEM, "try again when more memory is free, or remove the file$"),
    ],
)
@pytest.mark.parametrize("opening", [1, 2])
def test_a_disk_that_fails_is_told_and_no_image_is_left_out(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str, opening: int
) -> None:
    """When the images are looked at, and when they are decoded: what would be left would be kept."""
    root, real, opened = make_folder(tmp_path / "x"), Image.open, []

    def fail(file: Any, *words: Any, **options: Any) -> Any:
        opened.append(str(file))
        if str(file).endswith("dog/3.png") and opened.count(str(file)) == opening:
            raise OSError(code, os.strerror(code), file)
        return real(file, *words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", fail)
        with pytest.raises(RunError, match=rf"dog/3\.png cannot be read now: [a-z /]+; {remedy}"):
            prepared("folder", path=str(root))
    assert left_in_cache(home) == []
    data = prepared("folder", path=str(root))
    assert len(data.train) + len(data.validation) + len(data.test) == 20


def test_an_image_for_which_memory_is_short_is_not_left_out(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, real = make_folder(tmp_path / "x"), Image.open

    def large(file: Any, *words: Any, **options: Any) -> Any:
        if str(file).endswith("dog/3.png"):
            raise MemoryError
        return real(file, *words, **options)

    monkeypatch.setattr(Image, "open", large)
    line = (
        r"dog/3\.png cannot be read now: too large for the memory; try again when more memory is free, or remove the f"
    )
    with pytest.raises(RunError, match=line):
        prepared("folder", path=str(root))
    assert left_in_cache(home) == []


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


def test_a_path_that_the_system_does_not_look_at_is_one_line() -> None:
    with pytest.raises(RunError, match=r"cannot read /a+: file name too long"):
        list_images("/" + "a" * 300)
    with pytest.raises(RunError, match=r"^a\S* is not there$"):
        list_images("a\0b")
