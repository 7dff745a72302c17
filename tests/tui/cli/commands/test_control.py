"""Commands to runs that train nothing at the moment."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.lifecycle.launch import launching
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import LaunchRecord
from dltui.tui.cli.commands import control
from tests.helpers.command import runner
from tests.helpers.sample_run import make_sample_run


def test_a_run_that_waits_in_a_queue_again_can_be_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = make_sample_run(tmp_path / "runs", run_id="one", status="preempted", image=False)
    record = LaunchRecord("slurm", {}, time=1.0, job={"id": "7"}, requeues=True)
    launch.write(run.path, record)
    ended: list[str] = []

    def asked(runs: Iterable[tuple[RunDirectory, Status]]) -> bool:
        launch.write(run.path, replace(record, state="waiting", asked=time.time()))
        return True

    monkeypatch.setattr(launching, "refresh_all", asked)
    monkeypatch.setattr(launching, "end", lambda run: ended.append(run.id))
    code, out, err = runner(capsys)("kill", "one", "--yes")
    assert (code, err) == (0, "")
    assert out.startswith("one killed (last checkpoint ")
    assert ended == ["one"]


def test_a_worker_in_the_foreground_has_no_log_for_its_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = make_sample_run(tmp_path / "runs", run_id="one", status="running", image=False)
    run.worker_log.unlink(missing_ok=True)
    monkeypatch.setattr(claim, "send_signal", lambda *given: None)
    monkeypatch.setattr(control, "SETTLE_SECONDS", 0.2)
    code, out, err = runner(capsys)("stacks", "one")
    assert (code, out) == (1, "")
    assert err.startswith("dltui: one does not answer ")
