"""The table of `dltui runs`: how a run and a series stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.analysis.groups import Group
from dltui.tui.cli import main
from dltui.tui.cli.commands import runs

ROW: dict[str, Any] = {
    "id": "a-s1", "name": "a-s1", "group": "a", "seed": 1, "status": "finished", "phase": "ended", "model": "m",
    "dataset": "d", "device": "cpu", "epoch": 2, "epochs": 2, "metric": "accuracy", "best": 0.5, "created": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "phase", "shown"),
    [
        ("finished", "exporting", "drawing figures"),
        ("stopped", "exporting", "drawing figures"),
        ("finished", "ended", "finished"),
        ("running", "training", "running"),
    ],
)
def test_a_run_that_draws_its_figures_is_not_done(status: str, phase: str, shown: str) -> None:
    assert runs.columns({**ROW, "status": status, "phase": phase}, 60.0)[runs.STATE] == shown


def test_a_series_that_is_not_whole_says_so() -> None:
    name, *_, done, _, state, _ = runs.columns(Group("a", (ROW,), (2, 3)), 60.0)
    assert (name, done, state) == ("a (3 seeds)", "2/2", "1 of 3, interrupted")


def test_a_series_whose_newest_run_waits_has_the_metric_of_the_others() -> None:
    waits = {**ROW, "id": "a-s2", "seed": 2, "status": "queued", "metric": None, "best": None, "epoch": 0}
    assert runs.columns(Group("a", (waits, ROW)), 60.0)[5] == "50.00 %"


def test_a_home_that_cannot_be_read_has_not_no_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "file"))
    for words in (["runs"], ["runs", "--json"]):
        assert main.run(words) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "file/runs cannot be read: not a directory; DLTUI_HOME names another folder" in told.err
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "new"))
    assert main.run(["runs"]) == 0
    assert "no runs yet" in capsys.readouterr().out
