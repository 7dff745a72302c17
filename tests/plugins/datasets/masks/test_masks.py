"""masks:PATH: images with masks of the same names, and each way in which such a folder can be wrong."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.errors import RunError
from dltui.plugins.datasets.images.decoding import survey
from dltui.plugins.datasets.masks import prepare
from dltui.plugins.datasets.masks.folder import preview
from dltui.plugins.datasets.masks.options import MaskOptions
from tests.helpers.own_data import left_in_cache, prepared

SIDE = 12


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)


def mask(seed: int, classes: int = 3, size: tuple[int, int] = (SIDE, SIDE)) -> Any:
    return np.random.default_rng(seed).integers(0, classes, size, dtype=np.uint8)


def image(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Any:
    return np.random.default_rng(100 + seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save(path: Path, pixels: Any, palette: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Image.fromarray(pixels)
    if palette:
        made.putpalette([value for color in range(256) for value in (color, 255 - color, 7)])
    made.save(path)
    return path


def folder(root: Path, count: int = 12, classes: int = 3) -> Path:
    for number in range(count):
        save(root / "images" / f"{number}.png", image(number))
        save(root / "masks" / f"{number}.png", mask(number, classes), palette=number % 2 == 1)
    return root


def found(root: Path, **options: Any) -> Any:
    return prepared("masks", "segmentation", path=str(root), **options)


def shown(root: Path, **options: Any) -> Any:
    return preview(MaskOptions(path=str(root), **options))


def cut(path: Path) -> None:
    """Cut a file off behind its header."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_images_and_masks_are_paired_by_name_gray_and_palette_alike(tmp_path: Path) -> None:
    data = found(folder(tmp_path / "own"))
    assert data.spec.classes == ("0", "1", "2")
    assert (data.spec.task, data.spec.input_shape) == ("segmentation", (SIDE, SIDE, 3))
    assert [len(data.train), len(data.validation), len(data.test)] == [9, 1, 2]
    for part in (data.train, data.validation, data.test):
        for name, x, y in zip(part.names, part.x, part.y, strict=True):
            number = int(Path(name.decode()).stem)
            assert np.array_equal(x, image(number))
            assert np.array_equal(y, mask(number))
            assert y.dtype == np.uint8


def test_names_of_classes_and_ignored_pixels(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    save(root / "masks" / "3.png", np.full((SIDE, SIDE), 255, np.uint8))
    (root / "classes.txt").write_text("sky\nroad\ncar\ntree\n\n")
    data = found(root)
    assert data.spec.classes == ("sky", "road", "car", "tree")
    assert any("no train mask has a pixel of tree" in note for note in data.notes)
    assert sum(int((part.y == 255).sum()) for part in (data.train, data.validation, data.test)) == SIDE**2
    shown = preview(MaskOptions(path=str(root)))
    assert dict(shown.classes) == {"sky": 11, "road": 11, "car": 11, "tree": 0}
    assert len(shown.samples) == 12
    assert (shown.train, shown.image) == (len(data.train), data.spec.input_shape)


@pytest.mark.parametrize("nested", [True, False])
def test_parts_have_folders_of_their_own(tmp_path: Path, nested: bool) -> None:
    for part, count in (("train", 5), ("val", 2), ("test", 3)):
        for number in range(count):
            for kind, made in (("images", image(number)), ("masks", mask(number))):
                place = tmp_path / part / kind if nested else tmp_path / kind / part
                save(place / f"{part}{number}.png", made)
    data = found(tmp_path)
    assert [len(data.train), len(data.validation), len(data.test)] == [5, 2, 3]
    assert {name.decode().rsplit("/", 1)[1][:4] for name in data.test.names} == {"test"}


def test_masks_are_resized_as_their_images_by_the_nearest_pixel(tmp_path: Path) -> None:
    for number, size in enumerate([(20, 30), (30, 20), (24, 24), (40, 24), (24, 24), (30, 20)]):
        whole = np.zeros(size, np.uint8)
        whole[:, size[1] // 2 :] = 2
        save(tmp_path / "images" / f"{number}.png", np.repeat(whole[..., None] * 100, 3, axis=2))
        save(tmp_path / "masks" / f"{number}_mask.png", whole)
    for fit in ("crop", "stretch", "pad"):
        data = found(tmp_path, size=16, fit=fit)
        assert set(np.unique(data.train.y)) <= {0, 2, 255}
        counts = data.train.y != 255
        # Right and left stay right and left, but for a column that is a mean of both in the image.
        same = (data.train.x[..., 0] > 100) == (data.train.y == 2)
        assert same[counts].mean() > 0.9
        assert counts.all() == (fit != "pad")


def test_black_and_white_masks_have_two_classes(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / "images" / f"{number}.png", image(number))
        save(tmp_path / "masks" / f"{number}.png", mask(number, 2) * 255)
    data = found(tmp_path)
    assert data.spec.classes == ("0", "1")
    assert set(np.unique(data.train.y)) == {0, 1}
    assert "masks have the values 0 and 255 alone: 255 is taken for class 1" in data.notes


def black_and_white(root: Path, count: int = 6, size: tuple[int, int] = (SIDE, SIDE)) -> Path:
    for number in range(count):
        save(root / "images" / f"{number}.png", image(number, size))
        save(root / "masks" / f"{number}.png", mask(number, 2, size) * 255)
    return root


def test_black_and_white_masks_are_never_padded(tmp_path: Path) -> None:
    """What is padded would be of class 1."""
    wide = black_and_white(tmp_path / "wide", size=(48, 64))
    for refuses in (lambda: found(wide, size=32, fit="pad"), lambda: shown(wide, size=32, fit="pad")):
        with pytest.raises(RunError, match=r"masks of 0 and 255 cannot be padded, .*; --data fit=crop or stretch"):
            refuses()
    assert set(np.unique(found(wide, fit="pad").train.y)) == {0, 1}, "of one size they stay as they are"
    square = black_and_white(tmp_path / "square")
    assert set(np.unique(found(square, size=8, fit="pad").train.y)) == {0, 1}
    assert len(shown(square, size=8, fit="pad").samples) == 6


def test_masks_stay_beside_their_images_where_some_cannot_be_decoded(tmp_path: Path) -> None:
    root = black_and_white(tmp_path / "own", 12)
    for number in (0, 5, 6):
        cut(root / "images" / f"{number}.png")
    data = found(root)
    assert len(data.train) + len(data.validation) + len(data.test) == 9
    for part in (data.train, data.validation, data.test):
        for name, y in zip(part.names, part.y, strict=True):
            assert np.array_equal(y, mask(int(Path(name.decode()).stem), 2))


def test_masks_are_changed_in_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be larger than the memory."""
    monkeypatch.setattr(prepare, "PIECE", 1 << 12)
    whole = mask(0, 2, (16, 1 << 16)) * 255
    (tmp_path / "masks").write_bytes(whole.tobytes())
    rows = np.array([0, 2, 3, 15])
    tracemalloc.start()
    left = prepare._of_rows(tmp_path / "masks", (1 << 8, 1 << 8), rows, True)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < whole.nbytes / 4
    assert np.array_equal(left.reshape(4, -1), whole[rows] // 255)


def test_a_preview_leaves_out_what_training_does(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    cut(root / "images" / "0.png")
    (root / "images" / "2.png").write_bytes(b"no image")
    preview_of = shown(root)
    assert len(preview_of.samples) == 10
    told = [note for note in preview_of.notes if note.startswith(str(root))]
    assert [note.split(": ")[0].removeprefix(f"{root}/") for note in told] == ["images/2.png", "images/0.png"]


def test_a_picture_that_cannot_be_read_is_not_told_of_its_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many JPEGs only some are looked at first."""
    for number in range(12):
        save(tmp_path / "own" / "images" / f"{number}.jpg", image(number))
        save(tmp_path / "own" / "masks" / f"{number}.png", mask(number))
    (tmp_path / "own" / "images" / "7.jpg").write_bytes(b"\xff\xd8\xff and no more")
    monkeypatch.setattr(survey, "MOST_SIZES", 2)
    told = [note for note in found(tmp_path / "own", size=8).notes if note.startswith(str(tmp_path))]
    assert [note.split(": ")[0] for note in told] == [str(tmp_path / "own" / "images" / "7.jpg")]


def test_files_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    (root / "images" / "2.png").write_bytes(b"no image")
    (root / "masks" / "7.png").write_bytes(b"no mask")
    save(root / "masks" / "lone.png", mask(1))
    (root / "masks" / "notes.json").write_text("{}")
    data = found(root)
    assert len(data.train) + len(data.validation) + len(data.test) == 10
    told = "\n".join(data.notes)
    assert "unreadable and left out: 2 of 12 images with their masks" in told
    assert "images/2.png: not an image" in told
    assert "masks/7.png: not an image" in told
    assert "left out, as masks without an image: 1 (lone.png)" in told
    assert "1 .json" in told


def test_images_without_a_mask_are_refused_or_dropped(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    (root / "masks" / "4.png").unlink()
    with pytest.raises(RunError, match=r"masks has no mask for 4\.png; add 4\.png, or leave .* --data missing=drop"):
        found(root)
    data = found(root, missing="drop")
    assert len(data.train) + len(data.validation) + len(data.test) == 11
    assert "left out, as images without a mask: 1 (4.png)" in data.notes


WRONG = {
    "own/masks/5.png is 12x9, its image .*own/images/5.png is 12x12; make both": ("5.png", mask(5, 3, (9, 12))),
    "own/masks/5.png has the value 3 at row 2, column 1, but classes.txt names 3 classes": (
        "5.png", np.where(np.arange(SIDE**2) == SIDE, 3, 0).reshape(SIDE, SIDE).astype(np.uint8),
    ),
    r"own/masks/5.png has colors \(RGB\); save the class number of each pixel": ("5.png", image(5)),
    "own/masks/5.jpg is a JPEG, which changes the numbers of classes; save masks as PNG": ("5.jpg", mask(5)),
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_mask_is_one_line_and_leaves_nothing(tmp_path: Path, line: str) -> None:
    root = folder(tmp_path / "own")
    (root / "classes.txt").write_text("a\nb\nc\n")
    name, pixels = WRONG[line]
    (root / "masks" / "5.png").unlink()
    save(root / "masks" / name, pixels)
    with pytest.raises(RunError, match=line) as raised:
        found(root)
    assert "\n" not in str(raised.value)
    assert not left_in_cache(tmp_path / "home")


def test_gray_levels_are_no_classes(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    save(root / "masks" / "1.png", np.full((SIDE, SIDE), 200, np.uint8))
    with pytest.raises(RunError, match="masks have the values 0, 1, 2, 200, which are no class numbers from 0 on"):
        found(root)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        ([], "has no folder images; put the pictures into images/ and a mask of the same name"),
        (["images/1.png"], "has no folder masks; put the pictures"),
        (["images/readme.txt", "masks/1.png"], "has no images; put the pictures"),
        (["images/train/1.png", "images/test/2.png", "masks/train/1.png"], "has a test part, .*masks has none"),
    ],
)
def test_a_folder_of_another_layout_says_which_it_should_have(tmp_path: Path, made: list[str], line: str) -> None:
    for name in made:
        save(tmp_path / name, mask(1)) if name.endswith("png") else (tmp_path / name).parent.mkdir(parents=True)
    with pytest.raises(RunError, match=line):
        found(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sky\n\nroad\ncar\n", r"classes\.txt line 2 is empty, it names class 1; write a name or remove the line"),
        ("\nsky\nroad\n", r"classes\.txt line 1 is empty, it names class 0"),
        ("sky\nroad\nsky\n", r"classes\.txt lines 1 and 3 both name 'sky'; give each class a name of its own"),
    ],
)
def test_every_line_of_classes_is_a_name_of_its_own(tmp_path: Path, text: str, line: str) -> None:
    root = folder(tmp_path / "own")
    (root / "classes.txt").write_text(text)
    with pytest.raises(RunError, match=line):
        found(root)


def turned(root: Path, orientation: int, side: tuple[int, int]) -> Path:
    """A folder of images with this EXIF orientation, and masks that are not turned."""
    for number in range(6):
        (root / "images").mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[274] = orientation if number else 1
        Image.fromarray(image(number, side)).save(root / "images" / f"{number}.jpg", exif=exif)
        save(root / "masks" / f"{number}.png", mask(number, 2, side))
    return root


def test_a_turned_image_of_another_shape_than_its_mask_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"masks/1\.png is 20x12, its image .*1\.jpg is 12x20 once it is turned as the "
    ) as told:
        found(turned(tmp_path / "own", 6, (12, 20)))
    assert str(told.value).endswith("turn the mask, too")


@pytest.mark.parametrize(("orientation", "notes"), [(3, 1), (2, 1), (1, 0)])
def test_turned_images_whose_masks_fit_are_counted(tmp_path: Path, orientation: int, notes: int) -> None:
    root = turned(tmp_path / "own", orientation, (12, 12))
    told = "turned as the camera noted (EXIF), their masks are not: 5 images, the first is 1.jpg"
    assert preview(MaskOptions(path=str(root))).notes.count(told) == notes
    parts = [note for note in found(root).notes if note.startswith("turned as the camera noted")]
    assert len(parts) == notes


@pytest.mark.parametrize("own", [False, True])
def test_mean_and_deviation_are_of_the_train_images_alone(tmp_path: Path, own: bool) -> None:
    """Not of those that are drawn for validation, nor of those that a review leaves out."""
    for part, count in (("train", 20), *((("val", 4),) if own else ())):
        for number in range(count):
            save(tmp_path / "own" / part / "images" / f"{part}{number}.png", image(number) // (1 + number % 5))
            save(tmp_path / "own" / part / "masks" / f"{part}{number}.png", mask(number))
    root, path = tmp_path / "own", tmp_path / "review.csv"
    data = found(root)
    assert data.spec.mean == pytest.approx(data.train.x.mean(axis=(0, 1, 2)).tolist())
    assert data.spec.std == pytest.approx(data.train.x.std(axis=(0, 1, 2)).tolist())
    names = [data.train.names[row].decode() for row in (0, 1, 2)]
    save_opinions(path, [Opinion("train", int(data.train.ids[n]), "", "", 1.0, "broken", names[n]) for n in range(3)])
    left = found(root, drop=str(path))
    assert len(left.train) == len(data.train) - 3
    assert left.spec.mean == pytest.approx(left.train.x.mean(axis=(0, 1, 2)).tolist())
    assert left.spec.mean != data.spec.mean
