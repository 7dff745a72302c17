"""`dltui predict`: what it prints of the answers of the process that has the model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dltui.tui.cli import main
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run "r" with numbers as outputs."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make_sample_run(tmp_path / "runs", run_id="r", task="regression", epochs=1)


def test_json_has_null_for_what_it_cannot_express(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The outputs of a network for values that are too large for it."""
    Path("x.csv").write_text("x\n1e300\n")
    rows = [{"file": 0, "line": 2, "outputs": [math.inf, math.nan, 1.5]}]
    monkeypatch.setattr("dltui.core.lifecycle.trained_model.ask", lambda *given: {"rows": [dict(one) for one in rows]})
    assert main.run(["predict", "r", "x.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"image": "x.csv", "line": 2, "outputs": [None, None, 1.5]}]
    assert main.run(["predict", "r", "x.csv"]) == 0
    assert capsys.readouterr().out == "x.csv line 2: inf nan 1.5\n"


def test_a_number_with_an_offset_is_told_with_all_of_its_digits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An output alone has the digits of a float32."""
    Path("x.csv").write_text("x\n1\n")
    alone = [float(np.float32(value)) for value in (0.1, 123456.7, 3e38, 1.5e-9, 12.34)]
    outputs = [*alone, alone[3] + 0.4, alone[4] + 1_700_000_000, 1_700_000_000.0]
    monkeypatch.setattr("dltui.core.lifecycle.trained_model.ask", lambda *given: {"rows": [{"outputs": outputs}]})
    assert main.run(["predict", "r", "x.csv"]) == 0
    told = capsys.readouterr().out
    assert told == "x.csv: 0.1 123457 3e+38 1.5e-09 12.34 0.4000000015 1700000012.34 1700000000\n"
