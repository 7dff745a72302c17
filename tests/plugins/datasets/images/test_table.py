"""images:FILE.csv: images named in a table, each row by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.core.data import prepare_process
from dltui.core.data.findings import at_start, record
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import RunError
from dltui.plugins.datasets.images.options import TableOptions
from dltui.plugins.datasets.images.table import list_rows, preview
from tests.helpers.own_data import SOURCE, left_in_cache, make_image, make_table, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """20 rows of cats and dogs whose images are there."""
    rows = []
    for number in range(20):
        make_image(tmp_path / "all" / f"{number}.png", seed=number)
        rows.append(f"all/{number}.png,{'cat' if number % 2 else 'dog'},{number}")
    return rows


HEAD = "file,label,weight"


def test_a_table_names_images_and_classes(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pets.csv", [HEAD, *lines])
    data = prepared("images", path=str(table))
    assert data.spec.classes == ("cat", "dog")
    assert [len(data.train), len(data.validation), len(data.test)] == [14, 2, 4]
    assert data.train.names is not None
    for name, x, y in zip(data.train.names, data.train.x, data.train.y, strict=True):
        path = tmp_path / name.decode()
        assert np.array_equal(np.asarray(Image.open(path)), x)
        assert int(path.stem) % 2 == 1 - y
    assert data.notes == ("columns of the table: file, label",)
    shown = preview(TableOptions(path=str(table)))
    assert dict(shown.classes) == {"cat": 10, "dog": 10}


def test_columns_parts_and_the_folder_can_be_said(tmp_path: Path, lines: list[str]) -> None:
    parts = ["train"] * 12 + ["val"] * 4 + ["Test"] * 4
    rows = [f"{row},{part}" for row, part in zip(lines, parts, strict=True)]
    (tmp_path / "tables").mkdir()
    table = make_table(tmp_path / "tables" / "pets.csv", ["a,b,c,Split", *rows])
    data = prepared("images", path=str(table), image="a", target="b", root=str(tmp_path))
    assert [len(data.train), len(data.validation), len(data.test)] == [12, 4, 4]
    assert list_rows(TableOptions(path=str(table), root=str(tmp_path), target="b")).classes == ("cat", "dog")


WRONG = {
    "missing": (["gone.png,cat,1"], r"pets.csv line 22: there is no image \S*gone.png; correct the path or"),
    "several": (["a.png,cat,1", "b.png,cat,1"], r"line 22: there is no image \S*a.png \(2 images of 22 are missing\)"),
    "class": (["all/1.png,,1"], r"pets.csv line 22 has no class; fill it in or remove the row$"),
    "missing class": (["all/1.png,NaN,1"], r"pets.csv line 22 has no class; fill it in or remove the row$"),
    "path": ([",cat,1"], r"pets.csv line 22 has no path of an image"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_one_line(tmp_path: Path, lines: list[str], wrong: str) -> None:
    more, words = WRONG[wrong]
    with pytest.raises(RunError, match=words):
        prepared("images", path=str(make_table(tmp_path / "pets.csv", [HEAD, *lines, *more])))
    assert left_in_cache(tmp_path / "home") == []


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ("file,label,split", ["all/0.png,emu,test"], r"line 22: 'emu' in the test part is a class that the train part"),
        ("file,label,split", ["all/0.png,cat,later"], r"line 22: the part 'later' is none of train, validation, test"),
        ("name,label", [], r"has no column of image files; name one by --data image=COLUMN"),
        ("file,label,split", [], r"has no column 'breed'; there are file, label, split"),
    ],
)
def test_parts_and_columns_that_do_not_fit(
    tmp_path: Path, lines: list[str], head: str, rows: list[str], words: str
) -> None:
    all_rows = [f"{row.rpartition(',')[0]},train" for row in lines] + rows
    if head == "name,label":
        all_rows = [f"{number},{'cat' if number % 2 else 'dog'}" for number in range(20)]
    target = "breed" if "breed" in words else ""
    with pytest.raises(RunError, match=words):
        list_rows(TableOptions(path=str(make_table(tmp_path / "pets.csv", [head, *all_rows])), target=target))


def test_rows_without_images_can_be_left_out(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pets.csv", [HEAD, "gone.png,cat,1", *lines])
    data = prepared("images", path=str(table), missing="drop")
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    assert data.notes[1] == f"left out: 1 of 21 rows whose image is not there, the first in {table} line 2"


def test_a_changed_image_is_prepared_again(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pets.csv", [HEAD, *lines])
    before = prepared("images", path=str(table))
    make_image(tmp_path / "all" / "3.png", seed=99)
    assert prepared("images", path=str(table)).fingerprint != before.fingerprint


def test_parquet_is_a_table_too(tmp_path: Path, lines: list[str]) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = list(zip(*(row.split(",") for row in lines), strict=True))
    table = arrow.table({name: list(column) for name, column in zip(HEAD.split(","), columns, strict=True)})
    parquet.write_table(table, tmp_path / "pets.parquet")
    assert prepared("images", path=str(tmp_path / "pets.parquet")).spec.classes == ("cat", "dog")


def test_the_table_is_part_of_the_key(tmp_path: Path, lines: list[str]) -> None:
    from dltui.plugins.datasets.images.table import DATASET

    table = make_table(tmp_path / "pets.csv", [HEAD, *lines])
    options = TableOptions(path=str(table))
    context = prepare_process._context({"dataset": "images"}, lambda text, fraction: None)
    one = prepare_process._key(DATASET, {}, context, options, DATASET.sources(options, ()))
    make_table(tmp_path / "pets.csv", [HEAD, *lines, "all/0.png,dog,1"])
    assert prepare_process._key(DATASET, {}, context, options, DATASET.sources(options, ())) != one


def test_one_number_in_two_writings_is_one_class(tmp_path: Path, lines: list[str]) -> None:
    kinds = ("1", "1.0", "76561198000000001", "76561198000000002")
    rows = [f"{row.partition(',')[0]},{kinds[number % 4]}" for number, row in enumerate(lines)]
    found = list_rows(TableOptions(path=str(make_table(tmp_path / "pets.csv", ["file,label", *rows]))))
    assert found.classes == ("1", "76561198000000001", "76561198000000002")


def test_a_relative_folder_is_seen_from_the_table(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run does not work where it was begun."""
    table = make_table(tmp_path / "pets.csv", ["file,label", *(row.removeprefix("all/")[:-2] for row in lines[:10])])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    data = prepared("images", path=str(table), root="all")
    assert data.train.names is not None
    assert data.train.names[0].decode().endswith(".png")
    assert "/" not in data.train.names[0].decode()


def test_the_first_line_may_be_an_image(tmp_path: Path) -> None:
    """Classes that are seen in the rows would not make it one: it is the only one of its own."""
    rows = ["all/first.png,owl", *(f"all/{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(20))]
    for row in rows:
        make_image(tmp_path / row.partition(",")[0])
    found = list_rows(TableOptions(path=str(make_table(tmp_path / "pets.csv", rows))))
    assert (len(found.samples), found.classes) == (21, ("cat", "dog", "owl"))


def test_the_first_line_may_be_an_image_far_away(tmp_path: Path) -> None:
    """Names of columns are cut, paths are not."""
    rows = ["first.png,owl", *(f"{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(20))]
    rows = [f"{tmp_path}/{'deep' * 30}/{row}" for row in rows]
    for row in rows:
        make_image(Path(row.partition(",")[0]))
    found = list_rows(TableOptions(path=str(make_table(tmp_path / "pets.csv", rows))))
    assert (len(found.samples), found.classes) == (21, ("cat", "dog", "owl"))


def test_a_name_that_is_too_long_is_not_there(tmp_path: Path, lines: list[str]) -> None:
    table = make_table(tmp_path / "pets.csv", [HEAD, *lines, f"{'x' * 300}.png,cat,1"])
    with pytest.raises(RunError, match="line 22: there is no image"):
        list_rows(TableOptions(path=str(table)))


def test_an_image_of_two_classes_that_cannot_be_read(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    table = make_table(tmp_path / "pets.csv", [HEAD, "bad.png,owl,1", *lines, "bad.png,cat,1"])
    assert "class owl is left out" in " ".join(prepared("images", path=str(table)).notes)


@pytest.mark.parametrize("root", ["", "all"])
def test_the_sizes_of_its_images_are_checked(tmp_path: Path, lines: list[str], root: str) -> None:
    for number in range(20):
        make_image(tmp_path / "all" / f"{number}.png", (8, 8) if number == 7 else (40, 40), seed=number)
    rows = [line.removeprefix(f"{root}/") for line in lines]
    options = {"path": str(make_table(tmp_path / "pets.csv", [HEAD, *rows])), "root": root}
    asked = {"dataset": "images", "dataset_source": SOURCE, "dataset_options": options, at_start.FULL: True}
    found = record.read(load_prepared(prepare_process.prepare(asked, lambda text, fraction: None)).fingerprint)
    assert found is not None
    assert [(one.why, Path(one.sample.name).name) for one in found.odd] == [("much smaller than the others", "7.png")]
