"""folder:PATH: what becomes of somebody's own images, whatever they are and however they are called."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.data.prepared import LONGEST_NAME
from dltui.core.errors import RunError
from dltui.core.train import predictions
from dltui.plugins.datasets.images.folder import preview
from dltui.plugins.datasets.images.listing import list_images
from dltui.plugins.datasets.images.options import FolderOptions
from tests.helpers.marks import examples
from tests.helpers.own_data import make_folder, make_image, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def test_one_folder_is_divided_alike_for_every_class(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "pets", ("cat", "dog", "emu"), 20)
    data = prepared("folder", path=str(root))
    assert data.spec.classes == ("cat", "dog", "emu")
    assert data.spec.input_shape == (8, 8, 3)
    assert [np.bincount(part.y).tolist() for part in (data.train, data.validation, data.test)] == [
        [14, 14, 14],
        [2, 2, 2],
        [4, 4, 4],
    ]
    every = np.concatenate([data.train.x, data.validation.x, data.test.x])
    assert len(np.unique(every.reshape(60, -1), axis=0)) == 60


def test_the_split_depends_on_its_seed_alone(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "pets")
    first, other = (prepared("folder", path=str(root), split_seed=seed) for seed in (0, 1))
    assert not np.array_equal(first.test.x, other.test.x)
    make_folder(tmp_path / "copy")
    again = prepared("folder", path=str(tmp_path / "copy"))
    assert again.fingerprint == first.fingerprint


def test_images_are_what_the_files_hold(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "pets")
    found = {image.tobytes() for part in ("train", "validation", "test") for image in _images(root, part)}
    files = {np.asarray(Image.open(path)).tobytes() for path in root.rglob("*.png")}
    assert found == files


def _images(root: Path, part: str) -> list[np.ndarray]:
    data = prepared("folder", path=str(root))
    return list(getattr(data, part).x)


def test_a_mistake_is_known_by_its_file(tmp_path: Path) -> None:
    """Without the files that could not be read, of every split, also of one that was drawn."""
    root = make_folder(tmp_path / "pets", ("cat", "dog"), 20)
    (root / "cat" / "00 broken.png").write_bytes(b"not an image")
    data = prepared("folder", path=str(root))
    for part in (data.train, data.validation, data.test):
        assert part.names is not None
        for name, x in zip(part.names, part.x, strict=True):
            assert np.array_equal(np.asarray(Image.open(root / name.decode())), x)
    test = data.test
    outputs = np.zeros((len(test), 2), np.float32)
    wrong = predictions.collect("classification", outputs, test, "test", 1)
    assert [name.decode().split("/")[0] for name in wrong["names"]] == ["dog"] * int((test.y == 1).sum())
    assert "names" not in predictions.collect("classification", outputs, replace(test, names=None), "test", 1)


def test_long_names_keep_their_end_and_odd_ones_are_harmless(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "pets", ("cat", "dog"), 8)
    deep = root / "cat" / ("ü" * 90) / ("d" * 60)
    deep.mkdir(parents=True)
    next((root / "cat").glob("*.png")).rename(deep / "a\x1b[31m.png")
    data = prepared("folder", path=str(root))
    parts = (data.train.names, data.validation.names, data.test.names)
    names = [name.decode() for part in parts if part is not None for name in part]
    (long,) = (name for name in names if "ddd" in name)
    assert len(long.encode()) <= LONGEST_NAME
    assert long.endswith("31m.png")
    assert "\x1b" not in long


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("Training", "val", "Testing")])
def test_folders_of_splits_are_taken_as_they_are(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for name, each in zip(names, (6, 3, 2), strict=True):
        make_folder(tmp_path / name, each=each)
    data = prepared("folder", path=str(tmp_path))
    assert (len(data.train), len(data.validation), len(data.test)) == (12, 6, 4)
    assert data.notes == ()


def test_a_missing_split_is_drawn_from_the_training_folder(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", each=20)
    make_folder(tmp_path / "valid", each=5)
    data = prepared("folder", path=str(tmp_path))
    assert (len(data.train), len(data.validation), len(data.test)) == (32, 10, 8)
    assert data.notes == ("no test folder: drawn from the train folder",)


def test_names_of_any_script_are_classes_and_numbers_are_in_order(tmp_path: Path) -> None:
    names = ["10", "9", "Ankle boot", "犬と猫", "Ёж [bold]", "a\nb"]
    make_folder(tmp_path / "mine", names, 8)
    found = list_images(str(tmp_path / "mine")).classes
    assert found[:2] == ("9", "10")
    assert set(found) == {"10", "9", "Ankle boot", "犬と猫", "Ёж [bold]", "a b"}


@pytest.mark.parametrize(
    "ending", [*"png jpg JPEG jfif jpe webp bmp dib gif GIF tif TIFF ppm pgm pnm jp2 avif".split()]
)
def test_every_format_is_read(tmp_path: Path, ending: str) -> None:
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    data = prepared("folder", path=str(make_folder(tmp_path / "x", ending=ending)))
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    assert data.notes == ()


@pytest.mark.parametrize(
    ("mode", "color", "channels"),
    [("L", "auto", 1), ("RGB", "auto", 3), ("RGB", "gray", 1), ("L", "color", 3), ("1", "auto", 1)],
)
def test_channels_come_from_the_data_or_from_the_option(tmp_path: Path, mode: str, color: str, channels: int) -> None:
    root = make_folder(tmp_path / "x", mode=mode)
    assert prepared("folder", path=str(root), color=color).spec.input_shape == (8, 8, channels)


def test_color_images_that_are_gray_everywhere_are_gray(tmp_path: Path) -> None:
    for path in make_folder(tmp_path / "x", mode="L").rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    assert prepared("folder", path=str(tmp_path / "x")).spec.input_shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        (((8, 8), (20, 10)), 16),
        (((40, 30), (30, 40)), 32),
        (((5, 4), (4, 4)), 8),
        (((400, 300), (300, 400)), 64),
        (((600, 600), (600, 600)), 64),
    ],
)
def test_several_sizes_and_large_ones_get_a_usual_size(
    tmp_path: Path, sizes: tuple[tuple[int, int], tuple[int, int]], side: int
) -> None:
    for number, name in enumerate(("cat", "dog")):
        make_folder(tmp_path / "x", (name,), 4, size=sizes[number])
    data = prepared("folder", path=str(tmp_path / "x"))
    assert data.spec.input_shape == (side, side, 3)
    (note,) = data.notes
    assert f"made {side}x{side} (crop)" in note
    found = preview(FolderOptions(path=str(tmp_path / "x")))
    assert note in found.notes
    assert f"made {side}x{side} (crop)" in dict(found.facts)["sizes"]
    asked = prepared("folder", path=str(tmp_path / "x"), size=12)
    assert (asked.spec.input_shape, asked.notes) == ((12, 12, 3), ())


def test_a_changed_file_is_prepared_again(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    before = prepared("folder", path=str(root)).fingerprint
    assert prepared("folder", path=str(root)).fingerprint == before
    make_image(root / "cat" / "0.png", seed=77)
    assert prepared("folder", path=str(root)).fingerprint != before


def test_circles_of_links_end(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x")
    (root / "cat" / "again").symlink_to(root, target_is_directory=True)
    (root / "cat" / "self").symlink_to(root / "cat" / "self")
    (root / "all").symlink_to(root, target_is_directory=True)
    (root / "dog" / "one").symlink_to(root / "dog" / "two", target_is_directory=True)
    (root / "dog" / "two").symlink_to(root / "dog" / "one", target_is_directory=True)
    assert len(list_images(str(root)).samples) == 20


def test_the_preview_counts_and_shows(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "x", ("cat", "dog"), 7)
    make_image(root / "dog" / "large.png", (20, 10))
    (root / "dog" / "no.png").write_text("text")
    found = preview(FolderOptions(path=str(root)))
    assert found.classes == (("cat", 7), ("dog", 9))
    assert dict(found.facts)["sizes"] == "8x8 to 20x10, made 8x8 (crop)"
    assert {caption for caption, *_ in found.samples} == {"cat", "dog"}
    assert any("no.png: not an image" in note for note in found.notes)
    assert any("several sizes" in note for note in found.notes)


@pytest.mark.parametrize("options", [{}, {"size": 12}, {"test": 0.4, "validation": 0.3}, {"color": "gray"}])
def test_the_preview_knows_what_is_trained_on(tmp_path: Path, options: dict[str, Any]) -> None:
    root = make_folder(tmp_path / "x", ("cat", "dog"), 17)
    make_image(root / "dog" / "large.png", (20, 10))
    (root / "dog" / "no.png").write_text("text")
    found, data = preview(FolderOptions(path=str(root), **options)), prepared("folder", path=str(root), **options)
    assert (found.train, found.image) == (len(data.train), data.spec.input_shape)
    assert preview(FolderOptions(path=str(root), drop="review.csv")).train == 0


def test_the_preview_knows_gray_images_that_are_not_square(tmp_path: Path) -> None:
    for number in range(20):
        made = Image.new("L", (10, 6), number)
        folder = tmp_path / "x" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        made.save(folder / f"{number}.png")
    found, data = preview(FolderOptions(path=str(tmp_path / "x"))), prepared("folder", path=str(tmp_path / "x"))
    assert found.image == data.spec.input_shape == (6, 10, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    st.lists(
        st.tuples(st.sampled_from(("png", "jpg", "webp", "bmp")), st.binary(max_size=300), st.booleans()), max_size=8
    )
)
def test_any_bytes_in_files_end_in_data_or_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes, bool]]
) -> None:
    root = make_folder(tmp_path_factory.mktemp("fuzz") / "x", each=6)
    for number, (ending, content, begins_well) in enumerate(files):
        head = (root / "cat" / "0.png").read_bytes()[:60] if begins_well else b""
        (root / "cat" / f"fuzz{number}.{ending}").write_bytes(head + content)
    with contextlib.suppress(RunError):
        data = prepared("folder", path=str(root))
        assert len(data.train) + len(data.validation) + len(data.test) <= 12 + len(files)


def test_what_a_review_leaves_out_counts_in_no_mean(tmp_path: Path) -> None:
    root, path = make_folder(tmp_path / "pets", each=20), tmp_path / "review.csv"
    data = prepared("folder", path=str(root))
    assert data.spec.mean == pytest.approx(data.train.x.mean(axis=(0, 1, 2)).tolist())
    names = [name.decode() for name in data.train.names]
    save_opinions(path, [Opinion("train", n, "", "", 1.0, "broken", names[n]) for n in range(5)])
    left = prepared("folder", path=str(root), drop=str(path))
    assert len(left.train) == len(data.train) - 5
    assert left.spec.mean == pytest.approx(left.train.x.mean(axis=(0, 1, 2)).tolist())
    assert left.spec.std == pytest.approx(left.train.x.std(axis=(0, 1, 2)).tolist())
    assert left.spec.mean != data.spec.mean
