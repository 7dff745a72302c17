"""What is said before a run goes on."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

import dltui
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.lifecycle import resume
from dltui.core.machine.devices import Device
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint, claim
from tests.helpers.lost import beat
from tests.helpers.sample_run import make_sample_run
from tests.tui.sample_catalog import make_catalog

CPU = Device("cpu", "CPU", None)


def reader(root: Path, status: str = "interrupted") -> RunReader:
    found = RunReader(make_sample_run(root, status=status))
    found.refresh()
    return found


@pytest.fixture
def here() -> Catalog:
    catalog = make_catalog()
    catalog.backends["torch"] = replace(catalog.backends["torch"], version="99.0")
    others = [FieldSpec(name, "str", "", "") for name in ("optimizer", "weight_decay", "threads", "checkpoint_seconds")]
    for name, model in catalog.models.items():
        catalog.models[name] = replace(model, fields=(*model.fields, *others))
    return catalog


def test_what_is_restored(tmp_path: Path) -> None:
    run = reader(tmp_path)
    last = run.history.checkpoints[-1]
    assert last["name"] in resume.restored(run)
    assert f"step {last['step']:,} of 400" in resume.restored(run)
    shutil.rmtree(run.directory.checkpoints_dir / last["name"])
    before = checkpoint.list_checkpoints(run.directory)[-1]
    assert before.name in resume.restored(run)
    assert f"step {checkpoint.step_of(before):,} of 400" in resume.restored(run)
    shutil.rmtree(run.directory.checkpoints_dir)
    assert resume.restored(run) == "no checkpoint: it begins again"


def test_a_run_whose_checkpoints_are_gone_does_not_begin_again(tmp_path: Path, here: Catalog) -> None:
    """Its log would then hold two beginnings, and its curve would be lost."""
    run = reader(tmp_path, "finished")
    shutil.rmtree(run.directory.checkpoints_dir)
    run.directory.checkpoints_dir.mkdir()
    gone = "^the checkpoints of brisk-otter are gone; train it anew: dltui train --like brisk-otter$"
    with pytest.raises(UsageError, match=gone):
        resume.prepare(run, here, 1)


@pytest.mark.parametrize(("age", "moves"), [(600.0, False), (600.0, True), (5.0, True)])
def test_a_run_whose_machine_is_gone_goes_on(
    tmp_path: Path, here: Catalog, monkeypatch: pytest.MonkeyPatch, age: float, moves: bool
) -> None:
    run = reader(tmp_path, "running")
    beat(run.directory, age)
    monkeypatch.setattr(time, "sleep", lambda seconds: beat(run.directory, age) if moves else None)
    if moves:
        with pytest.raises(UsageError, match=r"^brisk-otter is running; watch it with: dltui attach brisk-otter$"):
            resume.prepare(run, here)
        return
    monkeypatch.setattr(claim, "WATCH_SECONDS", 0.2)
    found = resume.prepare(run, here)
    assert found.ended.startswith("interrupted: lost (no heartbeat from old-pod for 10 min 00 s, and its lock is free)")


def test_what_differs(tmp_path: Path, here: Catalog) -> None:
    run = reader(tmp_path)
    before = run.history.attempt
    assert before is not None
    assert "differs: torch 2.14.1 then, 99.0 today" in resume.differences(run, here, CPU)
    run.history.attempt = replace(before, host="elsewhere", versions={"dltui": dltui.__version__})
    assert "differs: it ran on elsewhere" in resume.differences(run, here, CPU)
    run.history.attempt = replace(before, device={"name": "cuda:0", "title": "Tesla T4", "uuid": "GPU-1"})
    other = resume.differences(run, here, Device("cuda:0", "H100", "GPU-2"))
    assert "differs: cuda:0 was Tesla T4, today it is H100" in other
    run.history.attempt = replace(before, threads=1000)
    assert any("1000 CPU threads then" in line for line in resume.differences(run, here, CPU))


def test_more_epochs_are_checked_as_the_model_declares_them(tmp_path: Path, here: Catalog) -> None:
    run = reader(tmp_path, "finished")
    with pytest.raises(UsageError, match="--more-epochs"):
        resume.prepare(run, here)
    with pytest.raises(UsageError, match="epochs must be"):
        resume.prepare(run, here, 10_000)
    found = resume.prepare(run, here, 5)
    assert (found.planned, found.done) == (10, 10)
    assert found.ended == "finished: all epochs done"


def test_a_running_run_is_not_restarted(tmp_path: Path, here: Catalog) -> None:
    run = reader(tmp_path, "running")
    run.clock = lambda: run.history.last_time + 1
    with pytest.raises(UsageError, match="dltui attach"):
        resume.prepare(run, here)


def test_a_run_that_may_not_be_written_to_is_refused_before_anything_is_said(
    tmp_path: Path, here: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague's, or one on a disk that is read only."""
    run = reader(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: path != run.directory.path)
    with pytest.raises(UsageError, match=r"cannot be written to: it lies outside of .*: dltui fork /.*$"):
        resume.prepare(run, here, 1)
