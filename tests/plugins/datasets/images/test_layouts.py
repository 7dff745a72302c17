"""folder:PATH: folders as people have them; what is not read is counted and named, never silently missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.core.data import image_file
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import RunError
from dltui.plugins.datasets.images.folder import preview
from dltui.plugins.datasets.images.options import FolderOptions
from tests.helpers.own_data import make_folder, make_image, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def other_files(root: Path) -> None:
    make_folder(root)
    for name in ("a.tga", "b.TGA", "c.txt", "without"):
        (root / "cat" / name).write_text("x")
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (root / "cat" / name).write_text("x")


def class_of_others(root: Path) -> None:
    make_folder(root)
    (root / "horse").mkdir()
    for number in range(3):
        (root / "horse" / f"{number}.PSD").write_text("x")


def empty_class(root: Path) -> None:
    make_folder(root)
    (root / "horse").mkdir()


def loose_images(root: Path) -> None:
    make_folder(root)
    make_image(root / "a.png")


def broken_link(root: Path) -> None:
    make_folder(root)
    (root / "cat" / "x.png").symlink_to(root / "nowhere.png")


def only_train(root: Path) -> None:
    make_folder(root / "train")


def wrapped(root: Path) -> None:
    make_folder(root / "archive" / "pets")
    (root / "__MACOSX").mkdir()


def wrapped_splits(root: Path) -> None:
    for part in ("train", "valid", "test"):
        make_folder(root / "archive" / part / "images", each=4)


def notes_beside(root: Path) -> None:
    make_folder(root / "train")
    (root / "annotations").mkdir()
    (root / "annotations" / "a.xml").write_text("x")


def linked_folder(root: Path) -> None:
    make_folder(root / "store", ("cat", "dog"))
    (root / "view" / "dog").mkdir(parents=True)
    (root / "view" / "cat").symlink_to(root / "store" / "cat")
    (root / "view" / "dog" / "part").symlink_to(root / "store" / "dog")
    for path in (root / "store").rglob("*.png"):
        path.rename(root / "store" / f"{path.parent.name}{path.name}")
    for path in (root / "store").glob("*.png"):
        path.rename(root / "store" / path.name[:3] / path.name)


def one_class_test(root: Path) -> None:
    make_folder(root / "train")
    make_folder(root / "test", ("cat",))


def loose_test(root: Path) -> None:
    make_folder(root / "train")
    make_image(root / "test" / "1.png")


def strange_part(root: Path) -> None:
    make_folder(root / "train")
    make_folder(root / "val", each=2)
    make_folder(root / "extra", each=2)


def unreadable_class(root: Path) -> None:
    make_folder(root)
    make_folder(root, ("owl",))
    for path in (root / "owl").iterdir():
        path.write_text("<html>403 Forbidden</html>")


@pytest.mark.parametrize(
    ("make", "below", "words"),
    [
        (other_files, "", ("left out, as no images that are read: 2 .tga, 1 .txt, 1 without an ending",)),
        (class_of_others, "", ("horse is left out: nothing in it is read: 3 .psd",)),
        (empty_class, "", ("horse is left out: it is empty",)),
        (loose_images, "", ("left out, as images without a class, in ", "pets itself: 1")),
        (broken_link, "", ("left out, as no images that are read: 1 broken link",)),
        (only_train, "", ("taken from ", "pets/train, the only folder with images in ")),
        (wrapped, "", ("taken from ", "pets/archive/pets, the only folder")),
        (wrapped_splits, "", ("taken from ", "pets/archive, the only folder", "archive/train/images, the only")),
        (notes_beside, "", ("taken from ", "pets/train, the only folder with images in ")),
        (linked_folder, "view", ()),
        (one_class_test, "", ("test has no images of dog",)),
        (loose_test, "", ("test is left out: it has no images in folders of classes",)),
        (strange_part, "", ("left out beside the train folder: extra",)),
        (unreadable_class, "", ("owl",)),
    ],
)
def test_folders_as_people_have_them(
    tmp_path: Path, make: Callable[[Path], None], below: str, words: tuple[str, ...]
) -> None:
    make(tmp_path / "pets")
    path = str(tmp_path / "pets" / below)
    data = prepared("folder", path=path)
    assert data.spec.classes == ("cat", "dog")
    for notes in (data.notes, preview(FolderOptions(path=path)).notes):
        said = "\n".join(notes)
        assert all(word in said for word in words), said
        assert words or not said


def test_a_class_of_which_nothing_can_be_read_is_one_line(tmp_path: Path) -> None:
    unreadable_class(tmp_path / "pets")
    notes = prepared("folder", path=str(tmp_path / "pets")).notes
    assert notes == (
        "class owl is left out: none of its 10 train images can be read (not an image)",
        "unreadable and left out: 10 of 30 images",
    )


def test_a_class_that_is_cut_off_behind_its_headers_is_left_out_too(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "pets", ("ant", "cat", "dog"), size=(64, 64))
    for path in (root / "ant").iterdir():
        path.write_bytes(path.read_bytes()[:3000])
    data = prepared("folder", path=str(root))
    assert data.spec.classes == ("cat", "dog")
    assert set(data.train.y) == {0, 1}
    assert data.notes[0].startswith("class ant is left out: none of its 10")


@pytest.mark.parametrize("name", ["cat", "train"])
def test_one_class_that_can_be_read_is_refused(tmp_path: Path, name: str) -> None:
    root = make_folder(tmp_path / "pets", (name, "owl"))
    for path in (root / "owl").iterdir():
        path.write_text("no image")
    with pytest.raises(RunError, match="no train image of owl can be read, and two classes are needed"):
        prepared("folder", path=str(root))


def test_parts_without_training_are_refused(tmp_path: Path) -> None:
    make_folder(tmp_path / "pets" / "valid")
    make_folder(tmp_path / "pets" / "test")
    with pytest.raises(RunError, match="has test, valid and no train folder"):
        prepared("folder", path=str(tmp_path / "pets"))


@pytest.mark.parametrize(("each", "parts"), [(3, (1, 1, 1)), (4, (2, 1, 1)), (6, (4, 1, 1)), (12, (9, 1, 2))])
def test_every_class_is_in_every_part_as_soon_as_it_can(tmp_path: Path, each: int, parts: tuple[int, ...]) -> None:
    names = [f"kind {number}" for number in range(8)]
    data = prepared("folder", path=str(make_folder(tmp_path / "x", names, each)))
    assert data.notes == ()
    for split, count in zip((data.train, data.validation, data.test), parts, strict=True):
        assert np.bincount(split.y).tolist() == [count] * 8


def test_classes_with_too_few_images_are_named(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    make_folder(root, ("emu",), 2)
    data = prepared("folder", path=str(root))
    assert data.notes == ("fewer than 3 images, so that not each part has one: emu",)
    assert 2 in data.train.y


def _deep(root: Path, values: dict[str, tuple[int, int]], ending: str = "png", kind: Any = np.uint16) -> Path:
    random = np.random.default_rng(0)
    for name, (low, high) in values.items():
        (root / name).mkdir(parents=True)
        for number in range(6):
            pixels = random.integers(low, high + 1, (8, 8)).astype(kind)
            pixels.flat[:2] = low, high
            Image.fromarray(pixels).save(root / name / f"{number}.{ending}")
    return root


@pytest.mark.parametrize(
    ("values", "ending", "kind", "said", "brightest"),
    [
        ({"a": (0, 99), "b": (100, 199)}, "png", np.uint16, "up to 199: 0 is made black and 255 white", 199),
        ({"a": (0, 1000), "b": (1000, 4000)}, "tif", np.uint16, "up to 4000: 0 is made black and 4095 white", 249),
        ({"a": (0, 9), "b": (0, 65535)}, "png", np.uint16, "0 is made black and 65535 white", 255),
        ({"a": (0, 0), "b": (0, 1)}, "tif", np.float32, "up to 1: 0 is made black and 1 white", 255),
        ({"a": (-900, 0), "b": (0, 3000)}, "tif", np.int32, "-900 is made black and 4095 white", 199),
    ],
)
def test_deep_images_keep_what_tells_them_apart(
    tmp_path: Path, values: dict[str, tuple[int, int]], ending: str, kind: Any, said: str, brightest: int
) -> None:
    root = _deep(tmp_path / "x", values, ending, kind)
    data = prepared("folder", path=str(root))
    (note,) = data.notes
    assert said in note
    assert preview(FolderOptions(path=str(root))).notes == (note,)
    every = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert every.max() == brightest
    means = [
        np.concatenate([p.x[p.y == label] for p in (data.train, data.validation, data.test)]).mean() for label in (0, 1)
    ]
    assert means[0] < means[1]


def test_nearly_black_images_are_told(tmp_path: Path) -> None:
    root = tmp_path / "x"
    for name, value in (("a", 0), ("b", 1)):
        (root / name).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (8, 8), value).save(root / name / f"{number}.png")
    assert prepared("folder", path=str(root)).notes == ("all images are nearly black: the brightest value is 1 of 255",)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (16, 16, 3)),
        ({"size": 12, "fit": "pad"}, (12, 12, 3)),
        ({"size": 9, "fit": "stretch", "color": "gray"}, (9, 9, 1)),
    ],
)
def test_what_is_kept_with_the_data_reads_each_image_as_training_did(
    tmp_path: Path, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """Photographs that are turned, transparent, deep or of another format, of several sizes."""
    root = make_folder(tmp_path / "x", ("cat", "dog"), 4, size=(20, 14))
    _deep(root, {"owl": (0, 900)})
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(root / "cat" / "0.png").save(root / "cat" / "turned.jpg", exif=exif)
    Image.open(root / "cat" / "1.png").convert("LA").save(root / "cat" / "clear.png")
    Image.open(root / "dog" / "1.png").convert("P").save(root / "dog" / "old.gif")
    data = prepared("folder", path=str(root), **options)
    assert data.spec.input_shape == shape
    for part in (data.train, data.validation, data.test):
        assert part.names is not None
        for name, x in zip(part.names, part.x, strict=True):
            assert np.array_equal(image_file.read(str(root / name.decode()), data.inputs["image"]), x)


def test_gray_folders_keep_one_channel_in_their_description(tmp_path: Path) -> None:
    data = prepared("folder", path=str(make_folder(tmp_path / "x", mode="L", size=(6, 9))))
    how = {"height": 9, "width": 6, "channels": 1, "fit": "crop", "range": [0, 65535], "draft": True}
    assert data.inputs == {"image": how}
    again = load_prepared(Path(str(data.train.x.filename)).parent)  # type: ignore[attr-defined]
    assert again.inputs == data.inputs
