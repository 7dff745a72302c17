"""The curve of a range test to take home: a figure and a table, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from dltui.core.errors import UsageError
from dltui.exports.figures import style
from dltui.exports.figures.learning_rates import draw_learning_rates
from dltui.exports.learning_rates import about, main, write
from dltui.exports.save import render
from tests.exports.test_figures import GOLDEN
from tests.helpers.sample_rates import sample_rates

COMMAND = ("dltui", "train", "softmax-torch", "--dataset", "fashion-mnist", "--lr", "0.046")


def test_golden() -> None:
    """DLTUI_UPDATE_GOLDEN=1 accepts what is drawn; look at the picture then."""
    with style.applied():
        mpl.rcParams["svg.fonttype"] = "none"
        svg = render(draw_learning_rates(sample_rates()), "svg", about(sample_rates(), COMMAND)).decode()
    golden = GOLDEN / "learning_rates.svg"
    if os.environ.get("DLTUI_UPDATE_GOLDEN"):
        golden.write_text(svg)
    assert svg == golden.read_text()


def test_figure_and_table_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = tmp_path / "result.json"
    result.write_text(json.dumps({"rates": sample_rates().to_json(), "command": COMMAND}))
    assert main([str(result), "--to", str(tmp_path / "out"), "--format", "svg,png", "--json"]) == 0
    names = [Path(name).name for name in json.loads(capsys.readouterr().out)]
    assert names == ["learning_rates.svg", "learning_rates.png", "learning_rates.csv"]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    svg = (tmp_path / "out" / "learning_rates.svg").read_text()
    ElementTree.fromstring(svg)
    assert "--lr 0.046" in svg
    rows = list(csv.DictReader((tmp_path / "out" / "learning_rates.csv").open()))
    assert [float(row["loss"]) for row in rows] == list(sample_rates().loss)


def test_without_a_proposal_and_with_a_hostile_name(tmp_path: Path) -> None:
    found = replace(
        sample_rates("<b>$x$\x1b[2J", "\u202e"), suggestion=None, steepest=None, least=None, lr=(1e-6,), loss=(2.0,),
        smooth=(2.0,),
    )  # fmt: skip
    files = write(found, (), tmp_path, ["svg"])
    drawn = files[0].read_text()
    ElementTree.fromstring(drawn)
    assert not {"\x1b", "\u202e"} & set(drawn)
    assert "<b>" not in drawn


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write to .*; choose another folder"):
        write(sample_rates(), COMMAND, tmp_path / "file", ["svg"])


def test_a_figure_shows_no_folders(tmp_path: Path) -> None:
    found = sample_rates(dataset="folder:/home/me/patients")
    svg = write(found, ("dltui", "train", "m", "--dataset", found.dataset), tmp_path, ["svg"])[0].read_text()
    assert "/home/me" not in svg
    assert "folder:patients" in svg
