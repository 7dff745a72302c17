"""What earlier runs tell: only those that ended here, and nothing that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.analysis import forecast
from dltui.core.analysis.forecast import earlier_runs
from dltui.core.rundir.directory import RunDirectory
from tests.helpers.sample_run import make_sample_run


def test_runs_that_ended_here_tell_time_and_memory(tmp_path: Path) -> None:
    runs = [
        make_sample_run(tmp_path, run_id="ended"),
        make_sample_run(tmp_path, run_id="going-on", status="running"),
        make_sample_run(tmp_path, run_id="no-epoch", status="failed", done=0),
    ]
    (found,) = earlier_runs(runs)
    assert (found.name, found.model, found.dataset, found.device) == ("ended", "cnn-torch", "fashion-mnist", "cpu")
    assert found.epoch_seconds == pytest.approx(4.4)
    assert found.evaluation_seconds == pytest.approx(0.4)
    assert found.rss == 412 << 20
    assert found.config["batch_size"] == 256
    assert "lr" not in found.config


def test_what_cannot_be_read_or_is_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = make_sample_run(tmp_path, run_id="broken")
    broken.run_json.write_text("{")
    empty = RunDirectory(tmp_path / "empty")
    empty.path.mkdir()
    good = make_sample_run(tmp_path, run_id="good")
    assert [run.name for run in earlier_runs([RunDirectory(broken.path), empty, good])] == ["good"]
    monkeypatch.setattr(forecast, "MOST_BYTES", 100)
    assert earlier_runs([good]) == []


def test_a_run_of_another_machine_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_sample_run(tmp_path)
    monkeypatch.setattr(forecast, "this_host", lambda: "another")
    assert earlier_runs([run]) == []
