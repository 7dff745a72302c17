"""The pictures of a sweep to take home: all of them or none, and a table."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dltui.core.errors import UsageError
from dltui.exports.sweeps.__main__ import table, write
from tests.tui.sweep_page.sample import COMMAND, sample_view

NAMES = ["best_so_far.svg", "importance.svg", "parallel_coordinates.svg", "slices.svg", "trials.csv"]


def test_pictures_and_table_are_written(tmp_path: Path) -> None:
    view = sample_view(tmp_path)
    write(view, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    for name in NAMES[:-1]:
        svg = (tmp_path / "out" / name).read_text()
        ElementTree.fromstring(svg)
        assert COMMAND in svg
    rows = list(csv.reader((tmp_path / "out" / "trials.csv").read_text().splitlines()))
    assert rows[0] == ["trial", "status", "best", "best_epoch", "epochs", "lr", "batch_size", "optimizer", "momentum"]
    assert len(rows) == 1 + len(view.trials)
    assert table(replace(view, trials=())).count("\n") == 1


def test_pictures_show_no_folders(tmp_path: Path) -> None:
    view = sample_view(tmp_path)
    command = ("/usr/bin/dltui", "sweep", "cnn", "--dataset", "folder:/home/me/patients", "--data-dir", "/data")
    write(replace(view, plan=replace(view.plan, command=command)), tmp_path / "out")
    for name in NAMES[:-1]:
        svg = (tmp_path / "out" / name).read_text()
        assert "command: dltui sweep cnn --dataset folder:patients\n" in svg
        assert "/home/me" not in svg


def test_texts_of_the_table_are_no_formulas(tmp_path: Path) -> None:
    view = sample_view(tmp_path)
    one = replace(view.trials[0], values={"lr": -0.5, "optimizer": '=1+"a",b'})
    row = list(csv.reader(table(replace(view, trials=(one,))).splitlines()))[1]
    assert row[5:] == ["-0.5", "-", '\'=1+"a",b', "-"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError):
        write(sample_view(tmp_path), tmp_path / "out")
