"""Deleted runs come back until the trash is emptied; live ones are never deleted."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import trash
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, launch
from dltui.core.rundir.directory import RunDirectory, list_runs
from dltui.core.rundir.launch import LaunchRecord
from dltui.tui.base.services.runs import Trash
from dltui.tui.cli import main
from dltui.tui.cli.commands import prune
from tests.helpers.lost import beat
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


def test_a_run_whose_machine_is_gone_can_be_deleted(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "WATCH_SECONDS", 0.2)
    run = make_sample_run(runs, run_id="one", status="running")
    beat(run, 3600.0)
    with monkeypatch.context() as moving:
        moving.setattr(time, "sleep", lambda seconds: beat(run, 3600.0))
        with pytest.raises(UsageError, match=r"^one is running; first: dltui stop one$"):
            trash.delete(run)
    claim._watched.clear()
    trash.delete(run)
    assert not run.path.exists()


def test_a_run_elsewhere_is_not_ours_to_delete(runs: Path, tmp_path: Path) -> None:
    run = make_sample_run(tmp_path / "elsewhere", run_id="one")
    with pytest.raises(UsageError, match="delete it yourself"):
        trash.discard(run)


def test_what_a_worker_holds_stays(runs: Path) -> None:
    """It has ended and draws its figures, or lives where its pid cannot be seen."""
    run = make_sample_run(runs, run_id="one")
    with holding(run):
        with pytest.raises(UsageError, match="one is not deleted: its worker still holds it"):
            trash.discard(run)
        assert run.path.is_dir()
        left_alone = prune._rows()
        assert left_alone[0] == []
        assert left_alone[1][0].startswith("one is left alone: its worker still holds it")
    trash.discard(run)


@contextlib.contextmanager
def holding(run: RunDirectory) -> Iterator[None]:
    code = "import sys, time; from pathlib import Path; from dltui.core.rundir.lock import RunLock\n"
    code += "RunLock().acquire(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, str(run.lock_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    try:
        yield
    finally:
        child.kill()
        child.wait()


def test_a_deletion_waits_for_the_figures(runs: Path) -> None:
    run = make_sample_run(runs, run_id="one")
    with holding(run) as _:
        thread = threading.Thread(target=trash.delete, args=(run,))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert run.path.is_dir()
    thread.join(10)
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("content", "why"), [(b"{", "run.json is missing or damaged"), (b'{"format": 99}', "format 99")]
)
def test_what_cannot_be_read_stays(runs: Path, content: bytes, why: str) -> None:
    """A flipped bit, or a format of the future: neither is old, and neither is this version's to delete."""
    run = RunDirectory(make_sample_run(runs, run_id="one").path)
    run.run_json.write_bytes(content)
    with pytest.raises(UsageError, match=f"one is not deleted: .*{why}.*; if you want it gone: rm -r "):
        trash.discard(run)
    rows, left_alone = prune._rows()
    assert rows == []
    assert left_alone[0].startswith("one is left alone: ")


def test_nothing_is_deleted_through_a_link(runs: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "1-mine").mkdir(parents=True)
    run = make_sample_run(runs, run_id="one")
    trash.folder().symlink_to(elsewhere)
    with pytest.raises(UsageError, match="is a link"):
        trash.discard(run)
    trash.empty(now=time.time() + 10 * trash.FORGOTTEN)
    assert (elsewhere / "1-mine").is_dir()
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    fs.remove_dir(link)
    assert (elsewhere / "1-mine").is_dir()
    assert not link.is_symlink()


@pytest.mark.parametrize("refused", ["the trash", "any name"])
def test_a_run_is_deleted_on_a_disk_without_a_free_byte(
    runs: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    run, other = make_sample_run(runs, run_id="one"), make_sample_run(runs, run_id="two")

    def full(*_: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    if refused == "any name":
        monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(RunError, match="No space left on device; delete it for good: dltui rm two"):
        trash.discard(other)
    trash.delete(run)
    assert [path.name for path in runs.iterdir()] == ["two"]


def test_another_run_of_that_name_is_not_overwritten(runs: Path) -> None:
    run = make_sample_run(runs, run_id="one")
    place = trash.discard(run)
    make_sample_run(runs, run_id="one")
    with pytest.raises(UsageError, match="another run one"):
        trash.restore(place, run)
    assert place.is_dir()


def test_deleted_runs_come_back_within_a_day_whatever_ended_the_screen(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three", "kept"):
        make_sample_run(runs, run_id=name)
    screen = Trash()
    screen.discard(RunDirectory(runs / "one"))
    screen.discard(RunDirectory(runs / "two"))
    screen.discard(RunDirectory(runs / "three"), together=True)
    assert screen.leave() == ["3 deleted runs can come back for 24 hours: dltui rm --undo"]
    assert main.run(["rm", "--undo"]) == 0
    assert sorted(run.id for run in list_runs()) == ["kept", "three", "two"]
    assert "three, two brought back" in capsys.readouterr().out
    assert main.run(["rm", "--undo", "one"]) == 0
    assert len(list_runs()) == 4
    assert main.run(["rm", "--undo"]) == 2
    assert "no run was deleted with d on the screen in the last 24 hours" in capsys.readouterr().err
    screen.discard(RunDirectory(runs / "one"))
    monkeypatch.setattr(trash, "FORGOTTEN", -1.0)
    Trash().leave()
    assert main.run(["rm", "--undo"]) == 2


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


def test_a_run_that_waits_in_a_queue_again_stays(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its launcher knows that, where nobody has looked since it was preempted."""
    run = make_sample_run(runs, run_id="one", status="preempted")
    record = LaunchRecord("slurm", {}, time=1.0, job={"id": "7"}, requeues=True)
    launch.write(run.path, record)
    assert trash.status_of(run).over

    def asked(found: Iterable[tuple[RunDirectory, Status]]) -> bool:
        for one, _ in found:
            launch.write(one.path, replace(record, state="waiting", asked=time.time()))
        return True

    monkeypatch.setattr(launching, "refresh_all", asked)
    with pytest.raises(UsageError, match=r"^one is queued; first: dltui stop one$"):
        trash.discard(run)
    launch.write(run.path, record)
    assert prune._rows() == ([], [])
