"""A regression is told in its own units: what a table took from a column is in x again, and in the line."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.analysis.evaluation import latest
from dltui.core.analysis.regression import Fit
from dltui.core.contract import Input, Split
from dltui.core.errors import RunError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import log
from dltui.core.train import predictions
from dltui.exports.figures import regression, style
from dltui.exports.tables.summary import _targets, summary
from dltui.exports.wording import number
from dltui.tui.run_page.inside.fit import _equation
from dltui.tui.run_page.inside.residuals import largest
from tests.helpers.sample_run import make_sample_run

START, FIRST = 1_700_059_700.0, 1_700_000_000
TIME = FIRST + 600.0 * np.arange(200)
"""The middle of the times, and all of them."""
PRICE = {"name": "price", "mean": 5.0, "std": 2.0}


def of_dataset(run_folder: Path, **dataset: Any) -> RunReader:
    """A reader of a run of a regression whose log says this of its data."""
    run = make_sample_run(run_folder, task="regression", epochs=1)
    first, *rest = run.events_path.read_bytes().splitlines(keepends=True)
    started = log.decode(first.rstrip(b"\n"))
    assert started is not None
    started["dataset"] |= dataset
    run.events_path.write_bytes(b"".join([log.encode(started), *rest]))
    reader = RunReader(run)
    reader.refresh()
    return reader


def of_times(folder: Path, features: int = 1) -> RunReader:
    """A run on a table of a time and what grows with it by 1 in an hour, as a worker keeps it."""
    table = {"inputs": [asdict(Input("numbers", (1,), places=("time",), offsets=(START,)))]}
    found = of_dataset(folder, inputs={"table": table})
    x = np.repeat((TIME - START).astype(np.float32)[:, None], features, axis=1)
    y = ((TIME - FIRST) / 3600).astype(np.float32)[:, None]
    arrays = predictions.collect("regression", y, Split(x, y, np.arange(200)), "test", 1)
    predictions.write(found.directory.predictions_dir / "test.npz", arrays)
    return found


def test_a_column_is_shown_with_what_was_taken_from_it(tmp_path: Path) -> None:
    found = of_times(tmp_path)
    evaluated = latest(found)
    assert evaluated
    assert evaluated.fit
    assert evaluated.fit.x[:, 0].tolist() == TIME.tolist()
    table = summary(found)
    assert table["slope"] * (FIRST + 3600) + table["intercept"] == pytest.approx(1.0, abs=1e-4)
    several = latest(of_times(tmp_path / "several", features=2))
    assert several
    assert several.fit
    assert several.fit.x.dtype == np.float32


@pytest.mark.parametrize("table", [[], {"inputs": [{}]}, {"inputs": 5}, {"inputs": [{"name": "x", "offsets": ["a"]}]}])
def test_a_damaged_description_of_columns_is_one_line(tmp_path: Path, table: Any) -> None:
    evaluated = latest(of_dataset(tmp_path, inputs={"table": table}))
    assert evaluated
    if table:
        with pytest.raises(RunError, match=r"^the predictions are damaged: [^\n]+$"):
            _ = evaluated.fit
    else:
        assert evaluated.fit


def test_a_line_far_from_zero_is_told_with_its_digits(tmp_path: Path) -> None:
    found = of_times(tmp_path)
    regression.export(found, tmp_path / "figure.svg")
    evaluated = latest(found)
    assert evaluated
    assert evaluated.fit
    drawn = re.search(r"fitted line y = (\S+) x − (\d+\.\d+)", (tmp_path / "figure.svg").read_text())
    shown = re.search(r"y = (\S+) x - (\d+\.\d+)", _equation(evaluated.fit))
    for told in (drawn, shown):
        assert told
        slope, intercept = map(float, told.groups())
        assert slope * (FIRST + 36_000) - intercept == pytest.approx(10.0, abs=0.01)
    rows = ["".join(text for text, _ in row) for row in largest(evaluated.fit, 80, 12)]
    assert len({row.split()[0] for row in rows[2:]}) == 10


def test_numbers_have_the_digits_that_are_asked_for() -> None:
    assert [number(value) for value in (1234.5, 0.00001, 1.7e9)] == ["1234", "1.000e−05", "1.700e+09"]
    assert number(1_700_000_000.25, 12) == "1700000000.25"
    assert number(-472_222.2222, 8) == "−472222.22"


def test_a_single_target_with_a_scale_has_errors_in_its_own_units(tmp_path: Path) -> None:
    table = summary(of_dataset(tmp_path, targets=[PRICE]))
    evaluated = latest(of_dataset(tmp_path / "plain"))
    assert evaluated
    assert evaluated.fit
    assert table["targets"]["price"]["mse"] == evaluated.fit.mse
    assert "targets" not in summary(of_dataset(tmp_path / "unnamed", targets=[PRICE | {"name": ""}]))


def test_targets_without_names_are_told_apart(tmp_path: Path) -> None:
    y = np.random.default_rng(0).normal(size=(30, 3))
    fit = Fit("test", 1, np.zeros((30, 2)), y, y + 0.1, ("", "", ""))
    assert list(_targets(fit)) == ["target 1", "target 2", "target 3"]
    with style.applied():
        titles = [axes.get_title("left") for axes in regression.draw_regression("m on d", fit).axes]
    assert [title.split("  ")[0] for title in titles[::2]] == ["target 1", "target 2", "target 3"]
    alike = Fit("test", 1, np.zeros((30, 2)), y, y + 0.1, ("price", "price", "area"))
    assert list(_targets(alike)) == ["price (1)", "price (2)", "area"]
    table = summary(of_dataset(tmp_path, targets=[{"name": ""}, {"name": ""}]))
    assert json.dumps(table["targets"])
