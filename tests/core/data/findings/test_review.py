"""Opinions on samples: kept by split and id, whole or not at all, whoever else writes."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.data.findings.review import NAME, Opinion, after, read_review, save_opinion
from dltui.core.errors import UsageError

SHIRT = Opinion("test", 7, "Shirt", "Coat", 0.9312, "wrong label", "Shirt/7.png")


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "brisk-otter"
    save_opinion(folder, SHIRT)
    odd = Opinion("validation", 7, 'say "cheese", please', "Coat\nor not", 0.5, "keep")
    assert save_opinion(folder, odd) == read_review(folder) == {SHIRT.key: SHIRT, odd.key: odd}
    header = "split,id,true,said,probability,mark,name,of"
    assert (folder / NAME).read_text().startswith(f"{header}\ntest,7,Shirt,Coat,0.9312,wrong label,Shirt/7.png,\n")
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_a_file_without_names_is_read(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("split,id,true,said,probability,mark\ntest,7,Shirt,Coat,0.9,keep\n")
    assert list(read_review(tmp_path).values()) == [Opinion("test", 7, "Shirt", "Coat", 0.9, "keep")]


def test_no_mark_takes_the_row_away(tmp_path: Path) -> None:
    save_opinion(tmp_path, SHIRT)
    assert save_opinion(tmp_path, Opinion("test", 7, "Shirt", "Coat", 0.9312, "")) == {}
    assert read_review(tmp_path) == {}


def test_what_another_viewer_wrote_stays(tmp_path: Path) -> None:
    save_opinion(tmp_path, SHIRT)
    with (tmp_path / NAME).open("a") as file:
        file.write("test,8,Bag,Coat,0.6,ambiguous\nnot a row\ntest,x,Bag,Coat,0.6,keep\ntest,9,Bag,Coat,0.6,maybe\n")
    found = save_opinion(tmp_path, Opinion("test", 1, "Bag", "Coat", 0.4, "keep"))
    assert [(opinion.id, opinion.mark) for opinion in found.values()] == [
        (7, "wrong label"),
        (8, "ambiguous"),
        (1, "keep"),
    ]
    last = (tmp_path / NAME).read_text().splitlines()[-3:]
    assert last == ["not a row", "test,x,Bag,Coat,0.6,keep", "test,9,Bag,Coat,0.6,maybe"], (
        "nothing that one wrote is lost"
    )


def test_a_file_that_is_no_review_is_not_written_over(tmp_path: Path) -> None:
    data = tmp_path / NAME
    data.write_text("size,price\n1,2\n")
    with pytest.raises(UsageError, match=r"is not written over: it is no review: .*; choose another file"):
        save_opinion(tmp_path, SHIRT)
    assert data.read_text() == "size,price\n1,2\n"
    with pytest.raises(UsageError, match=r"^cannot read .*review.csv: it is no review"):
        read_review(tmp_path)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    save_opinion(tmp_path, SHIRT)
    (tmp_path / NAME).write_text("\ufeff" + (tmp_path / NAME).read_text())
    assert read_review(tmp_path) == {SHIRT.key: SHIRT}


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_opinion(tmp_path, SHIRT)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fs.FS, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        save_opinion(tmp_path, Opinion("test", 8, "Bag", "Coat", 0.4, "keep"))
    monkeypatch.undo()
    assert read_review(tmp_path) == {SHIRT.key: SHIRT}


def test_a_turn_ends_where_it_began() -> None:
    marks = [""]
    for _ in range(4):
        marks.append(after(marks[-1]))
    assert marks == ["", "keep", "wrong label", "ambiguous", ""]
    assert after("what is this") == ""


def test_names_are_no_formulas_for_a_spreadsheet(tmp_path: Path) -> None:
    odd = Opinion("test", 8, "=HYPERLINK(1)", "-1", 0.5, "keep", "@x.png")
    assert save_opinion(tmp_path, odd) == read_review(tmp_path) == {odd.key: odd}
    assert (tmp_path / NAME).read_text().endswith("test,8,'=HYPERLINK(1),'-1,0.5,keep,'@x.png,\n")
    assert save_opinion(tmp_path, SHIRT)[odd.key] == odd
