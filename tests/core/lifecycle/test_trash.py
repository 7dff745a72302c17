"""Deleted runs come back until the trash is emptied; live ones are never deleted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle import trash
from dltui.core.rundir.directory import RunDirectory, list_runs
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    return tmp_path / "runs"


def test_a_run_leaves_the_list_and_comes_back_whole(runs: Path) -> None:
    run = make_sample_run(runs, run_id="one")
    before = sorted(path.relative_to(run.path) for path in run.path.rglob("*"))
    place = trash.discard(run)
    assert list_runs() == []
    trash.restore(place, run)
    assert [found.id for found in list_runs()] == ["one"]
    assert sorted(path.relative_to(run.path) for path in run.path.rglob("*")) == before


@pytest.mark.parametrize("status", ["running", "paused", "starting"])
def test_a_live_run_stays(runs: Path, status: str) -> None:
    run = make_sample_run(runs, run_id="one", status=status)
    with pytest.raises(UsageError, match="first: dltui stop one"):
        trash.check(run)


def test_a_run_elsewhere_is_not_ours_to_delete(runs: Path, tmp_path: Path) -> None:
    run = make_sample_run(tmp_path / "elsewhere", run_id="one")
    with pytest.raises(UsageError, match="delete it yourself"):
        trash.discard(run)


def test_another_run_of_that_name_is_not_overwritten(runs: Path) -> None:
    run = make_sample_run(runs, run_id="one")
    place = trash.discard(run)
    make_sample_run(runs, run_id="one")
    with pytest.raises(UsageError, match="another run one"):
        trash.restore(place, run)
    assert place.is_dir()


def test_emptying_takes_what_is_named_and_what_was_forgotten(runs: Path) -> None:
    places = [trash.discard(make_sample_run(runs, run_id=name)) for name in ("one", "two")]
    trash.empty([places[0]])
    assert [place.exists() for place in places] == [False, True]
    trash.empty(now=time.time() + trash.FORGOTTEN + 60)
    assert not places[1].exists()


def test_labels_of_a_shared_run_stay_readable_for_the_group(runs: Path) -> None:
    from dltui.core.rundir import share

    with share.writing("group"):
        run = RunDirectory.create("one", {"share": "group"})
    assert run.labels_json.stat().st_mode & 0o777 == share.FILE
    run.set_labels(note="shown in the talk")
    assert run.labels_json.stat().st_mode & 0o777 == share.FILE
    private = RunDirectory.create("two", {})
    private.set_labels(tags=["draft"])
    assert private.labels_json.stat().st_mode & 0o777 == 0o600
