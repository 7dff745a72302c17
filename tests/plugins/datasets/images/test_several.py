"""images:FILE.csv with several labels an image, or with numbers to predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.errors import RunError
from dltui.plugins.datasets.images.options import TableOptions
from dltui.plugins.datasets.images.table import preview, sources
from tests.helpers.own_data import make_image, make_table, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)


HEAD = "file,words,is_sky,is_sea,height,depth"


def words(number: int) -> str:
    return "|".join(word for word, there in (("sky", number % 2), ("sea", number % 3)) if there) or "-"


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    rows = []
    for number in range(24):
        make_image(tmp_path / f"{number}.png", seed=number)
        rows.append(f"{number}.png,{words(number)},{number % 2},{int(number % 3 > 0)},{1000 + number},{number / 7:.3f}")
    return rows


def numbers(split: object) -> list[int]:
    return [int(name.decode().removesuffix(".png")) for name in split.names]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("asked", "names"), [("words", ("sea", "sky")), ("is_*", ("is_sky", "is_sea"))])
def test_labels_are_columns_or_names_with_bars(
    tmp_path: Path, lines: list[str], asked: str, names: tuple[str, ...]
) -> None:
    table = make_table(tmp_path / "pics.csv", [HEAD, *lines])
    data = prepared("images", "multilabel", path=str(table), labels=asked)
    assert data.spec.classes == names
    assert data.spec.task == "multilabel"
    for split in (data.train, data.validation, data.test):
        wanted = [[int(number % 3 > 0), number % 2] for number in numbers(split)]
        assert np.array_equal(split.y, np.array(wanted)[:, :: 1 if asked == "words" else -1])
        assert split.y.any(axis=0).all(), "each label is in every part"
    options = TableOptions(path=str(table), labels=asked)
    assert dict(preview(options).classes) == dict(zip(names, (16, 12) if asked == "words" else (12, 16), strict=True))
    assert len(sources(options, ())) == 25


def test_numbers_are_learned_on_a_scale_each(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pics.csv", [HEAD, *lines])
    data = prepared("images", "regression", path=str(table), targets="height,depth")
    assert data.notes == ("columns of the table: file, height, depth",)
    assert [target.name for target in data.spec.targets] == ["height", "depth"]
    assert data.train.y.dtype == np.float32
    for number, y in zip(numbers(data.train), data.train.y, strict=True):
        np.testing.assert_allclose(y, [1000 + number, number / 7], atol=1e-3)
    assert data.spec.targets[0].mean == pytest.approx(data.train.y[:, 0].mean(), rel=1e-4)
    assert [fact for fact in preview(TableOptions(path=str(table), targets="depth")).facts if fact[0] == "targets"] == [
        ("targets", "depth 0 to 3.286")
    ]


def test_parts_are_those_of_the_table_and_broken_images_are_left_out(tmp_path: Path, lines: list[str]) -> None:
    parts = ["train"] * 14 + ["val"] * 5 + ["test"] * 5
    table = make_table(
        tmp_path / "pics.csv", [HEAD + ",split", *(f"{line},{part}" for line, part in zip(lines, parts, strict=True))]
    )
    (tmp_path / "3.png").write_bytes(b"no image")
    data = prepared("images", "regression", path=str(table), targets="height")
    assert [len(data.train), len(data.validation), len(data.test)] == [13, 5, 5]
    assert "unreadable and left out: 1 of 24 images" in data.notes
    assert 1003 not in data.train.y


@pytest.mark.parametrize(
    ("options", "change", "says"),
    [
        ({"labels": "words", "targets": "height"}, ("", ""), "labels or targets, not both"),
        ({"labels": "sky"}, ("", ""), "sky"),
        ({"labels": "is_*"}, (",1,", ",maybe,"), "'maybe' as 'is_sky', a label: write 0 or 1"),
        ({"targets": "height"}, ("1003", "tall"), "line 5"),
        ({"targets": "height"}, ("1003", ""), "has no height"),
        ({"labels": "words"}, (",sky|sea,", ",,"), "has no 'words', the labels: write -"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, lines: list[str], options: dict[str, str], change: tuple[str, str], says: str
) -> None:
    table = make_table(tmp_path / "pics.csv", [HEAD, *(line.replace(*change) if change[0] else line for line in lines)])
    with pytest.raises(RunError, match=says) as found:
        prepared("images", "multilabel" if "labels" in options else "regression", path=str(table), **options)
    assert "\n" not in str(found.value)


def test_what_a_review_leaves_out_counts_in_no_scale(tmp_path: Path, lines: list[str]) -> None:
    table, path = make_table(tmp_path / "pics.csv", [HEAD, *lines]), tmp_path / "review.csv"
    asked = {"path": str(table), "targets": "height"}
    data = prepared("images", "regression", **asked)
    first = data.train
    save_opinions(path, [Opinion("train", int(first.ids[0]), "", "", 1.0, "broken", first.names[0].decode())])  # type: ignore[index]
    (height,) = prepared("images", "regression", **asked, drop=str(path)).spec.targets
    assert height.mean == pytest.approx(first.y[1:].mean())
    assert height.std == pytest.approx(first.y[1:].std(), rel=1e-5)
    assert height != data.spec.targets[0]


def test_large_numbers_keep_the_digits_in_which_they_differ(tmp_path: Path, lines: list[str]) -> None:
    far = [line.replace(",10", ",17000010") for line in lines]
    table = make_table(tmp_path / "pics.csv", [HEAD, *far])
    data = prepared("images", "regression", path=str(table), targets="height,depth")
    height, depth = data.spec.targets
    assert (height.offset, depth.offset) == (pytest.approx(1_700_001_012, abs=3), 0.0)
    for number, y in zip(numbers(data.train), data.train.y, strict=True):
        assert y[0] + height.offset == 1_700_001_000 + number
    assert height.std == pytest.approx(data.train.y[:, 0].std(), rel=1e-5)


def test_a_part_that_cannot_be_read_is_not_drawn(tmp_path: Path, lines: list[str]) -> None:
    parts = ["train"] * 14 + ["val"] * 5 + ["test"] * 5
    rows = [f"{line},{part}" for line, part in zip(lines, parts, strict=True)]
    for number in range(19, 24):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    table = make_table(tmp_path / "pics.csv", [HEAD + ",split", *rows])
    with pytest.raises(
        RunError, match=r"nothing is left of 5 test images; \S*19\.png: not an image; repair such files"
    ):
        prepared("images", "regression", path=str(table), targets="height")


def test_a_preview_counts_the_rows_that_have_an_image(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pics.csv", [HEAD, *lines])
    for number in range(5):
        (tmp_path / f"{number}.png").unlink()
    numbers = preview(TableOptions(path=str(table), targets="height", missing="drop"))
    assert {("images", "19 with 1 number"), ("targets", "height 1005 to 1023")} <= set(numbers.facts)
    labels = preview(TableOptions(path=str(table), labels="is_*", missing="drop"))
    assert labels.classes == (("is_sky", 10), ("is_sea", 13))
