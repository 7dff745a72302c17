"""The pictures of a sweep to take home: all of them or none, and a table."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dltui.core.analysis.trials.space import Dimension
from dltui.core.errors import UsageError
from dltui.exports.sweeps import figures
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
    results = ["trial", "status", "best_validation_accuracy", "best_epoch", "epochs_done"]
    assert rows[0] == [*results, *(f"setting {name}" for name in ("lr", "batch_size", "optimizer", "momentum"))]
    assert len(rows) == 1 + len(view.trials)
    assert table(replace(view, trials=())).count("\n") == 1


def test_no_two_columns_have_one_name(tmp_path: Path) -> None:
    view = sample_view(tmp_path)
    names = ("trial", "status", "best", "best_epoch", "epochs", "epochs_done")
    varied = tuple(Dimension(name, "choice", values=(1, 2)) for name in names)
    head = next(csv.reader(table(replace(view, plan=replace(view.plan, space=varied))).splitlines()))
    assert len(set(head)) == len(head) == 5 + len(names)


@pytest.mark.parametrize(
    ("scores", "marked"),
    [({1: 0.5}, [1]), ({1: 0.5, 2: 0.7}, [1, 2]), ({1: 0.5, 2: 0.4, 3: 0.4}, [1]), ({}, [])],
)
def test_each_better_value_is_marked(tmp_path: Path, scores: dict[int, float], marked: list[int]) -> None:
    view = sample_view(tmp_path)
    times = {epoch: float(epoch) for epoch in scores}
    figure = figures.best_so_far(replace(view, trials=(replace(view.trials[0], scores=scores, times=times),)))
    assert [*figure.axes[0].lines[1].get_xdata()] == marked


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
