"""Photos are decoded once, quickly, on all cores, and again only where something is new."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps

from dltui.core.contract import Data
from dltui.core.data import image_file
from dltui.core.data.prepared import SPLITS
from dltui.core.errors import RunError
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding import pool, rows, survey
from dltui.plugins.datasets.images.folder import preview
from dltui.plugins.datasets.images.options import FolderOptions
from tests.helpers.own_data import make_folder, make_image, prepared

PHOTO = {"height": 32, "width": 32, "channels": 3, "fit": "crop", "range": [0, 65535], "draft": True}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The images that were decoded, as they are."""
    found: list[Any] = []
    real = image_file.read

    def read(file: Any, reading: Any) -> Any:
        found.append(file)
        return real(file, reading)

    monkeypatch.setattr(image_file, "read", read)
    return found


def soft(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """A photo in which neighbors are alike."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)
    return path


def test_a_jpeg_is_decoded_small(tmp_path: Path) -> None:
    path = soft(tmp_path / "x.jpg", (400, 300))
    found = image_file.read(str(path), PHOTO)
    with Image.open(path) as image:
        image.draft("RGB", (32, 32))
        assert image.size == (50, 38)
        wanted = ImageOps.fit(image.convert("RGB"), (32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(found, np.asarray(wanted))
    full = image_file.read(str(path), {**PHOTO, "draft": False})
    assert not np.array_equal(found, full)
    assert np.abs(found.astype(int) - full).mean() < 5


@pytest.mark.parametrize("turn", [1, 6])
def test_a_jpeg_that_lies_on_its_side_stays_large_enough(tmp_path: Path, turn: int) -> None:
    """300 wide and 30 high are needed of the upright image: by half of 660x80, and not at all of 80x660."""
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = turn
    size = (660, 80) if turn == 1 else (80, 660)
    Image.open(soft(tmp_path / "a.png", size)).save(tmp_path / "x.jpg", exif=exif, quality=95)
    reading = {**PHOTO, "width": 300, "height": 30, "fit": "stretch"}
    quick, full = (image_file.read(str(tmp_path / "x.jpg"), {**reading, "draft": draft}) for draft in (True, False))
    assert quick.shape == (30, 300, 3)
    assert np.abs(quick.astype(int) - full).mean() < 5


def test_a_border_is_cut_off(tmp_path: Path) -> None:
    path = soft(tmp_path / "x.jpg", (200, 150))
    reading = {**PHOTO, "border": 5}
    whole = image_file.read(str(path), image_file.with_border(reading))
    assert whole.shape == (42, 42, 3)
    assert np.array_equal(image_file.read(str(path), reading), whole[5:-5, 5:-5])


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_a_part_of_a_file_is_an_image(tmp_path: Path, ending: str) -> None:
    path = make_image(tmp_path / f"x.{ending}", (20, 20), mode="I;16" if ending == "png" else "RGB")
    inside = tmp_path / "all"
    inside.write_bytes(b"before" + path.read_bytes() + b"after")
    part = items.Part(str(inside), 6, path.stat().st_size, "shard/x")
    assert np.array_equal(image_file.read(items.opened(part), PHOTO), image_file.read(str(path), PHOTO))
    assert items.is_jpeg(part) == items.is_jpeg(str(path)) == (ending == "jpg")
    with pytest.raises(image_file.UnreadableError, match=r"^cut off$"):
        items.opened(part._replace(size=10_000))


def test_both_halves_of_16_bit_colors_are_read_from_memory(tmp_path: Path) -> None:
    from tests.core.data.test_image_file import png

    color = np.arange(8 * 8 * 3).reshape(8, 8, 3) * 300
    content = png(16, 2, [row.astype(">u2").tobytes() for row in color])
    (tmp_path / "x.png").write_bytes(content)
    reading = {**PHOTO, "height": 8, "width": 8}
    assert np.array_equal(
        image_file.read(io.BytesIO(content), reading), image_file.read(str(tmp_path / "x.png"), reading)
    )


def same(one: Data, other: Data) -> bool:
    return one.fingerprint == other.fingerprint and one.spec == other.spec


def test_processes_make_what_threads_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "pets", each=20, ending="jpg")
    (root / "cat" / "3.jpg").write_bytes(b"\xff\xd8\xff and no more")
    by_threads = prepared("folder", path=str(root))
    shutil.rmtree(tmp_path / "home")
    monkeypatch.setattr(pool, "THREADS", 0)
    monkeypatch.setattr(pool, "MANY", 1)
    assert same(by_threads, prepared("folder", path=str(root)))


def test_what_is_new_in_a_folder_alone_is_read(tmp_path: Path, reads: list[Any]) -> None:
    root = make_folder(tmp_path / "pets", each=10)
    (root / "cat" / "0.png").write_bytes(b"no image")
    prepared("folder", path=str(root))
    assert len(reads) == 19
    make_image(root / "cat" / "new.png", seed=500)
    make_image(root / "dog" / "1.png", (8, 8), seed=501)
    reads.clear()
    grown = prepared("folder", path=str(root))
    assert sorted(map(Path, reads)) == [root / "cat" / "new.png", root / "dog" / "1.png"]
    shutil.rmtree(tmp_path / "home")
    assert same(grown, prepared("folder", path=str(root)))


def test_rows_of_gray_images_serve_when_a_color_comes(tmp_path: Path, reads: list[Any]) -> None:
    root = make_folder(tmp_path / "pets", mode="L")
    assert prepared("folder", path=str(root)).spec.input_shape == (8, 8, 1)
    make_image(root / "cat" / "new.png")
    reads.clear()
    grown = prepared("folder", path=str(root))
    assert grown.spec.input_shape == (8, 8, 3)
    assert len(reads) == 1
    shutil.rmtree(tmp_path / "home")
    assert same(grown, prepared("folder", path=str(root)))


def test_rows_that_changed_since_are_read_again(tmp_path: Path, reads: list[Any]) -> None:
    root = make_folder(tmp_path / "pets")
    before = prepared("folder", path=str(root))
    (folder,) = (tmp_path / "home" / "cache" / "datasets").iterdir()
    killed = folder.with_name(f".{folder.name}-killed")
    folder.rename(killed)
    with (killed / "train_x.npy").open("r+b") as file:
        file.seek(200)
        byte = file.read(1)
        file.seek(200)
        file.write(bytes([byte[0] ^ 1]))
    reads.clear()
    assert same(before, prepared("folder", path=str(root)))
    assert len(reads) == 1
    assert not killed.exists()


def test_of_many_jpegs_a_few_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "pets", each=30, ending="jpg", size=(10, 10))
    make_image(root / "cat" / "0.png", (9, 9), mode="I;16")
    monkeypatch.setattr(survey, "MOST_SIZES", 10)
    looked: list[Any] = []
    real = image_file.look
    monkeypatch.setattr(image_file, "look", lambda file: (looked.append(file), real(file))[1])
    prepared("folder", path=str(root), size=8)
    assert len(looked) <= 13
    assert str(root / "cat" / "0.png") in looked
    looked.clear()
    # Whether all have one size depends on each.
    (root / "cat" / "0.png").unlink()
    assert prepared("folder", path=str(root)).spec.input_shape == (10, 10, 3)
    assert len(looked) == 60


def test_rows_of_another_reader_are_read_again(
    tmp_path: Path, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(tmp_path / "pets")
    prepared("folder", path=str(root))
    reads.clear()
    prepared("folder", path=str(root), split_seed=1)
    assert reads == []
    monkeypatch.setattr(PIL, "__version__", "another")
    prepared("folder", path=str(root), split_seed=2)
    assert len(reads) == 20


def test_a_preview_chooses_the_size_as_training_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All PNGs are looked at before training, but they do not count more than JPEGs."""
    root = make_folder(tmp_path / "pets", ("cat",), each=30, ending="jpg", size=(30, 30))
    make_folder(root, ("dog",), each=30, ending="jpg", size=(28, 28))
    make_folder(root, each=10, size=(8, 8))
    monkeypatch.setattr(survey, "MOST_SIZES", 10)
    made = dict(preview(FolderOptions(path=str(root))).facts)["sizes"]
    assert "made 32x32" in made
    assert prepared("folder", path=str(root)).spec.input_shape == (32, 32, 3)


def test_a_process_that_dies_names_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "pets", each=4)
    monkeypatch.setattr(pool, "THREADS", 0)
    monkeypatch.setattr(pool, "MANY", 1)
    command = [sys.executable, "-c", "input(); raise SystemExit(3)"]
    monkeypatch.setattr(
        pool, "_start", lambda: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )
    with pytest.raises(RunError, match=r"ended with code 3 at one of the images from \S+\.png to \S+\.png; find"):
        prepared("folder", path=str(root))


def test_a_process_tells_of_a_disk_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "pets", each=4)
    (tmp_path / "rows").touch()
    gone, reading = str(tmp_path / "gone.png"), {"height": 8, "width": 8, "channels": 3}
    batch = rows.Batch(str(tmp_path / "rows"), 0, reading, [0], [gone], [None])
    command = [sys.executable, "-P", "-m", "dltui.plugins.datasets.images.decoding.decode_process"]
    line = json.dumps(asdict(batch)) + "\n"
    answer = subprocess.run(command, input=line, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["error"].startswith(f"{gone} cannot be read now: no such file or directory; try again")
    monkeypatch.setattr(pool, "THREADS", 0)
    monkeypatch.setattr(pool, "MANY", 1)
    told = [sys.executable, "-c", f"input(); print({answer.strip()!r}, flush=True); input()"]
    monkeypatch.setattr(
        pool, "_start", lambda: subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )
    with pytest.raises(RunError, match=r"gone\.png cannot be read now"):
        prepared("folder", path=str(root))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "pets")

    def full(*words: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows.os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        prepared("folder", path=str(root))


def test_the_moved_file_holds_every_part(tmp_path: Path) -> None:
    data = prepared("folder", path=str(make_folder(tmp_path / "pets")))
    (folder,) = (tmp_path / "home" / "cache" / "datasets").iterdir()
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".npy" and "_x" in path.name) == [
        f"{split}_x.npy" for split in sorted(SPLITS)
    ]
    assert not (folder / "scratch").exists()
    assert len(data.train) + len(data.validation) + len(data.test) == 20


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_photos_are_kept_with_a_border_for_crops(tmp_path: Path, fit: str) -> None:
    for number in range(12):
        soft(tmp_path / "pets" / "ab"[number % 2] / f"{number}.jpg", (120, 90), number)
    data = prepared("folder", path=str(tmp_path / "pets"), size=64, fit=fit)
    assert data.spec.input_shape == (64, 64, 3)
    assert data.train.x.shape[1:] == (64, 64, 3)
    if fit != "crop":
        assert data.train.stored is None
        return
    assert data.train.whole.shape[1:] == (74, 74, 3)
    assert np.array_equal(data.train.x, data.train.whole[:, 5:-5, 5:-5])
    seen = preview(FolderOptions(path=str(tmp_path / "pets"), size=64))
    # The samples show the same part of the images, in a small size.
    assert [sample[1:3] for sample in seen.samples] == [(32, 32)] * 12
    small = np.frombuffer(base64.b64decode(seen.samples[0][3]), np.uint8).reshape(32, 32, 3)
    first = image_file.read(str(tmp_path / "pets" / "a" / "0.jpg"), data.inputs["image"])
    assert np.abs(np.asarray(Image.fromarray(first).resize((32, 32)), int) - small).mean() < 8
    shown = dict(seen.facts)
    assert shown["sizes"] == "120x90, made 64x64 (crop), kept at 74x74 for random crops"
    # As `predict` reads them.
    assert data.test.names is not None
    for name, x in zip(data.test.names, data.test.x, strict=True):
        assert np.array_equal(image_file.read(str(tmp_path / "pets" / name.decode()), data.inputs["image"]), x)


@pytest.mark.parametrize(("size", "side"), [((70, 70), 64), ((120, 90), 32)])
def test_small_images_have_no_border(tmp_path: Path, size: tuple[int, int], side: int) -> None:
    for number in range(8):
        soft(tmp_path / "pets" / "ab"[number % 2] / f"{number}.jpg", size, number)
    data = prepared("folder", path=str(tmp_path / "pets"), size=side)
    assert data.train.stored is None
    assert data.notes == ()
