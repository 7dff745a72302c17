"""Long lists of runs: what has ended is read once, and again when something of it has changed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.reading import rows
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import record_starting
from dltui.tui.base import all_runs
from dltui.tui.base.all_runs import RunList
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three finished runs whose files have rested for long."""
    monkeypatch.setattr(rows, "QUIET_NS", 0)
    for run_id in ("one", "two", "three"):
        make_sample_run(tmp_path / "runs", run_id=run_id)
    return tmp_path / "runs"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs whose log was read."""
    seen: list[str] = []
    refresh = RunReader.refresh

    def note(self: RunReader) -> bool:
        seen.append(self.directory.id)
        return refresh(self)

    monkeypatch.setattr(RunReader, "refresh", note)
    return seen


def test_a_list_at_rest_reads_nothing_and_is_the_same_object(runs: Path, reads: list[str]) -> None:
    found = RunList(runs, time.time)
    first = found.read()
    assert sorted(one.id for one in first) == sorted(set(reads)) == ["one", "three", "two"]
    reads.clear()
    assert all(found.read() is first for _ in range(10))
    assert reads == []
    assert all(one.directory._run is None for one in first), "nothing that was read is kept"


def test_a_home_that_cannot_be_read_is_not_empty(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = RunList(runs, time.time)
    before = found.read()
    with monkeypatch.context() as patch:
        patch.setattr(all_runs, "os", SimpleNamespace(**vars(os) | {"scandir": refuse}))
        os.utime(runs, ns=(1, 1))
        with pytest.raises(UsageError, match=rf"the runs in {runs} cannot be read: permission denied"):
            found.read()
    assert [one.id for one in found.read()] == [one.id for one in before]
    shutil.rmtree(runs)
    assert found.read() == []


def refuse(path: str) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_only_the_run_that_changed_is_read_again(runs: Path, reads: list[str]) -> None:
    found = RunList(runs, time.time)
    found.read()
    reads.clear()
    RunDirectory(runs / "two").set_labels(note="better")
    assert {one.id: one.note for one in found.read()} == {"one": "", "two": "better", "three": ""}
    assert set(reads) == {"two"}


def test_what_is_written_in_place_is_seen_too(runs: Path) -> None:
    found = RunList(runs, time.time)
    found.read()
    labels = runs / "one" / "labels.json"
    before = labels.stat()
    content = json.loads(labels.read_text()) | {"note": "by hand"}
    with labels.open("r+") as file:
        file.write(json.dumps(content))
        file.truncate()
    os.utime(labels, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "by hand" in {one.note for one in found.read()}


def test_runs_come_and_go(runs: Path) -> None:
    found = RunList(runs, time.time)
    found.read()
    shutil.rmtree(runs / "one")
    shutil.copytree(runs / "two", runs / "four")
    (runs / "no-run").mkdir()
    assert {one.id for one in found.read()} == {"two", "three", "four"}
    make_sample_run(runs, run_id="five", status="running")
    assert next(iter(found.read())).id == "five"


@pytest.mark.parametrize("wrong", [{"config": "x"}, {"dataset_options": "x"}, {"device": {"name": []}}])
def test_a_damaged_run_takes_no_other_away(runs: Path, wrong: dict[str, object]) -> None:
    asked = runs / "one" / "run.json"
    asked.write_text(json.dumps(json.loads(asked.read_text()) | wrong))
    statuses = {one.id: one.status for one in RunList(runs, time.time).read()}
    assert statuses == {"one": "failed", "two": "finished", "three": "finished"}


def test_a_fault_at_one_run_takes_no_other_away(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = RunReader.look
    monkeypatch.setattr(RunReader, "look", lambda self: {}["x"] if self.directory.id == "one" else look(self))
    found = {one.id: one for one in RunList(runs, time.time).read()}
    assert found["one"].why == "it cannot be read: KeyError: 'x'"
    assert found["two"].status == "finished"


def test_thousands_have_their_turn_one_after_the_other(
    runs: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    stat = os.stat
    monkeypatch.setattr(all_runs, "FOLDERS_A_LOOK", 1)
    monkeypatch.setattr(all_runs, "FILES_A_LOOK", 1)
    found = RunList(runs, time.time)
    found.read()
    reads.clear()
    monkeypatch.setattr(os, "stat", lambda path, **more: (looked.append(path), stat(path, **more))[1])
    found.read()
    assert len(looked) < 10, "not all of them at each look"
    monkeypatch.setattr(os, "stat", stat)
    RunDirectory(runs / "two").set_labels(note="better")
    turns = next(turn for turn in range(10) if "better" in {one.note for one in found.read()})
    assert turns < 4
    RunDirectory(runs / "one").set_labels(note="at once")
    assert "at once" in {one.note for one in found.read(thorough=True)}


def test_a_resumed_run_is_read_each_time_from_then_on(runs: Path) -> None:
    found = RunList(runs, time.time)
    found.read()

    record_starting(runs / "one", os.getpid())
    assert {one.id: one.status for one in found.read()}["one"] == "starting"


def test_a_new_list_begins_with_what_was_kept(
    runs: Path, reads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    first = RunList(runs, time.time, keeps=True).read()
    reads.clear()
    second = RunList(runs, time.time, keeps=True).read()
    assert (second, reads) == (first, [])
    assert [one.facts for one in second] == [one.facts for one in first]
    RunDirectory(runs / "two").set_labels(note="better")
    shutil.rmtree(runs / "three")
    third = RunList(runs, time.time, keeps=True).read()
    assert [one.note for one in third if one.id == "two"] == ["better"]
    assert sorted(one.id for one in third) == ["one", "two"]
    assert set(reads) == {"two"}
