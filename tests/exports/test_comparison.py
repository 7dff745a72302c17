"""Comparisons to take home: a figure that can be printed, tables that can be read by anything."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from dltui.core.analysis.comparison import MOST, Comparison, Entry, Point, compare
from dltui.core.errors import UsageError
from dltui.core.reading.reader import RunReader
from dltui.exports.comparison import about, shown, write
from dltui.exports.figures import style
from dltui.exports.figures.comparison import draw_comparison
from dltui.exports.save import render
from dltui.exports.tables.comparison import epochs_csv, runs_csv
from tests.exports.runs import HOSTILE, reader
from tests.exports.test_figures import GOLDEN

SETTINGS = {"device": "CPU"}


def entry(name: str, level: float, pace: float, epochs: int = 10, **more: object) -> Entry:
    points = tuple(Point(e, e * pace, level * (1 - 0.3 * 0.6**e)) for e in range(1, epochs + 1))
    loss = tuple(Point(point.epoch, point.seconds, 1 - point.value) for point in points)
    best = points[-1] if points else None
    reached = next((point for point in points if point.value >= 0.85), None)
    test = {"accuracy": level - 0.01} if points else {}
    known: dict[str, object] = {
        "id": name, "name": name, "label": name, "model": name, "framework": "torch", "dataset": "fashion-mnist",
        "device": "cpu", "status": "finished", "settings": SETTINGS, "curves": {"accuracy": points, "loss": loss},
        "best": best, "test": test, "parameters": 44_426, "samples_per_second": 54_000 / pace,
        "train_seconds": epochs * pace, "reached": reached, "command": ("dltui", "train", name),
        "fingerprint": "5f" * 32, "epochs": epochs,
    }  # fmt: skip
    return Entry(**(known | more))  # type: ignore[arg-type]


def sample(*entries: Entry) -> Comparison:
    entries = entries or (
        entry("cnn-torch", 0.92, 4.0), entry("cnn-tensorflow", 0.915, 3.1), entry("mlp-torch", 0.89, 1.2, 20)
    )  # fmt: skip
    return Comparison("accuracy", "max", 0.85, entries, {"model": tuple(item.model for item in entries)})


def test_golden() -> None:
    """DLTUI_UPDATE_GOLDEN=1 accepts what is drawn; look at the picture then."""
    with style.applied():
        mpl.rcParams["svg.fonttype"] = "none"
        svg = render(draw_comparison(sample()), "svg", about(sample())).decode()
    golden = GOLDEN / "comparison.svg"
    if os.environ.get("DLTUI_UPDATE_GOLDEN"):
        golden.write_text(svg)
    assert svg == golden.read_text()


def test_all_of_it_is_written_whole_and_readable(tmp_path: Path) -> None:
    found = compare([reader(tmp_path / "a", run_id="one"), reader(tmp_path / "b", run_id="two", epochs=5)])
    files = write(found, tmp_path / "out", ["svg", "png", "pdf"])
    names = {"comparison.svg", "comparison.png", "comparison.pdf", "comparison.csv", "comparison_epochs.csv"}
    assert {path.name for path in files} == names == {path.name for path in (tmp_path / "out").iterdir()}
    again = write(found, tmp_path / "again", ["svg", "png", "pdf"])
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    svg = (tmp_path / "out" / "comparison.svg").read_text()
    for fact in ("dltui train cnn-torch", "5f" * 32, "10, 5"):
        assert fact in svg
    assert str(tmp_path) not in svg


def test_tables_are_exact() -> None:
    found = sample()
    rows = list(csv.DictReader(runs_csv(found).splitlines()))
    assert [row["run"] for row in rows] == ["cnn-torch", "cnn-tensorflow", "mlp-torch"]
    for row, item in zip(rows, found.entries, strict=True):
        assert item.best is not None
        assert item.reached is not None
        assert float(row["best_validation_accuracy"]) == item.best.value
        assert float(row["seconds_to_goal"]) == item.reached.seconds
        assert row["setting model"] == item.model
    epochs = list(csv.DictReader(epochs_csv(found).splitlines()))
    assert [int(row["epoch"]) for row in epochs] == list(range(1, 21))
    assert float(epochs[3]["mlp-torch accuracy"]) == found.entries[2].curves["accuracy"][3].value
    assert float(epochs[3]["mlp-torch train_seconds"]) == found.entries[2].curves["accuracy"][3].seconds
    assert epochs[15]["cnn-torch loss"] == ""


def test_a_name_is_no_formula() -> None:
    found = sample(entry("=cmd|' /C calc'!A0", 0.9, 1.0), entry("+1", 0.8, 1.0))
    for row in csv.reader(runs_csv(found).splitlines() + epochs_csv(found).splitlines()):
        assert not [cell for cell in row if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize(
    "entries",
    [
        [entry("a", 0.9, 1.0), entry("b", 0.9, 1.0, epochs=0, best=None, reached=None, samples_per_second=None)],
        [entry("a", 0.9, 1.0, epochs=0, parameters=None), entry("b", 0.9, 1.0, epochs=0)],
        [entry("a", 0.9, 5000.0, epochs=90), entry("a long name " * 20, 0.1, 1e-3, reached=None)],
        [entry(f"run {number}", 0.5 + number / 40, 1.0 + number) for number in range(MOST)],
    ],
)
def test_runs_of_any_kind_can_be_drawn(entries: list[Entry]) -> None:
    found = sample(*entries)
    with style.applied():
        svg = render(draw_comparison(found), "svg", about(found)).decode()
    ElementTree.fromstring(svg)
    assert "\x1b" not in svg
    assert "<script" not in svg


def test_the_description_has_no_control_characters() -> None:
    """The metric has a name of the model's own in the log of another."""
    found = about(replace(sample(entry("a\x1b[31m", 0.9, 1.0), entry("b", 0.8, 1.0)), metric="\x1b]0;evil\x07"))
    assert (found.title + found.text).replace("\n", "").isprintable()


@pytest.mark.slow(21)
@pytest.mark.long
def test_hostile_names_and_settings_stay_text(tmp_path: Path) -> None:
    readers = []
    for place, name in enumerate(HOSTILE[:MOST]):
        run = reader(tmp_path, run_id=f"run-{place}").directory
        asked = json.loads(run.run_json.read_text())
        asked |= {"model": name, "dataset": name, "command": ["dltui", name], "dataset_options": {name: name}}
        asked["config"] |= {"schedule": name, name: [name]}
        run.run_json.write_text(json.dumps(asked))
        run.set_labels(name=name)
        readers.append(RunReader(run.path))
        readers[-1].refresh()
    found = compare(readers)
    files = write(found, tmp_path / "out", ["svg"])
    svg = files[0].read_text()
    ElementTree.fromstring(svg)
    assert "\x1b" not in svg
    assert "<script" not in svg


def test_negative_settings_are_numbers_and_texts_are_texts() -> None:
    """A spreadsheet would not evaluate `'-5`."""
    differences = {"noise": (-5, 0.5), "floor": (-1e-05, -2.0), "widths": ([-1, 2], []), "shift": ("-5", "=1+1")}
    found = replace(
        sample(entry("a", 0.9, 1.0), entry("b", 0.8, 1.0)), differences={**differences, "tags": (["=1"], None)}
    )
    rows = list(csv.DictReader(runs_csv(found).splitlines()))
    told = [[row[f"setting {name}"] for name in found.differences] for row in rows]
    assert told == [["-5", "-1e-05", "-1,2", "'-5", "'=1"], ["0.5", "-2", "", "'=1+1", "-"]]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to"):
        write(sample(), tmp_path / "file" / "x", ["svg"])


def test_the_process_prints_its_files_or_one_line(tmp_path: Path) -> None:
    runs = [str(reader(tmp_path / name, run_id=name).directory.path) for name in ("one", "two")]
    base = [sys.executable, "-P", "-m", "dltui.exports.comparison", "--to", str(tmp_path / "out"), "--json"]
    done = subprocess.run([*base, *runs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == str(tmp_path / "out" / "comparison.svg")
    failed = subprocess.run([*base, runs[0]], capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.startswith("dltui: name two runs")
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("metric", "told"), [("balanced_accuracy", "90.00 %"), ("accuracy", "90.00 %"), ("loss", "0.9")]
)
def test_axis_and_table_tell_accuracies_alike(metric: str, told: str) -> None:
    points = (Point(1, 1.0, 0.9), Point(2, 2.0, 0.8))
    curves = {metric: points, "loss": points}
    entries = [entry(name, 0.9, 1.0, curves=curves, best=points[0], test={metric: 0.9}) for name in "ab"]
    found = replace(sample(*entries), metric=metric)
    with style.applied():
        figure = draw_comparison(found)
        ticks = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    texts = [text.get_text() for text in figure.axes[-1].texts]
    assert texts.count(told) == 4
    assert all(tick.endswith(" %") for tick in ticks) == told.endswith(" %")


def test_a_figure_shows_no_folders(tmp_path: Path) -> None:
    """Neither in its labels nor in its description; those that are equal without them are names."""
    paths = ("/home/me/patients", "/home/me/controls")
    labels = [f"data path={path}" for path in paths]
    entries = [entry(name, 0.9, 1.0, label=label) for name, label in zip("ab", labels, strict=True)]
    entries[0] = replace(entries[0], dataset="folder:/home/me/patients")
    found = replace(sample(*entries), differences={"data path": paths})
    svg = write(found, tmp_path, ["svg"])[0].read_text()
    assert "/home/me" not in svg
    assert "data path=patients" in svg
    assert "/home/me/patients" in (tmp_path / "comparison.csv").read_text()
    alike = [replace(one, name=name, label="data path=/a/x") for name, one in zip("ab", entries, strict=True)]
    assert [one.label for one in shown(replace(found, entries=tuple(alike))).entries] == ["a", "b"]
