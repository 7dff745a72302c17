"""A run on a network disk whose machine is gone counts as interrupted; one whose heartbeat moves never does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dltui.core.reading.liveness.certainty import certain_status
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import claim, lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import record_starting
from tests.helpers.lost import beat
from tests.helpers.sample_run import make_sample_run

HOUR = 3600.0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "WATCH_SECONDS", 0.2)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make_sample_run(tmp_path, status="running")


def read(run: RunDirectory) -> RunReader:
    found = RunReader(run)
    found.refresh()
    return found


def moving(run: RunDirectory, age: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker writes a heartbeat whenever somebody waits."""
    beat(run, age)
    monkeypatch.setattr(time, "sleep", lambda seconds: beat(run, age))


def test_a_heartbeat_that_is_young_may_be_that_of_a_worker(run: RunDirectory) -> None:
    beat(run, 60)
    reader = read(run)
    assert (reader.status().name, reader.in_doubt) == ("running", True)


def test_a_lost_run_is_interrupted(run: RunDirectory) -> None:
    beat(run, 600)
    reader = read(run)
    found = reader.status()
    assert found.over
    assert found.why == ("lost (no heartbeat from old-pod for 10 min 00 s, and its lock is free) at epoch 7, step 20")
    assert reader.status(time.time() + HOUR).over


def test_where_its_lock_is_held_it_is_silent(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    beat(run, 600)
    monkeypatch.setattr(lock, "look", lambda path: lock.Lock(True))
    reader = read(run)
    assert (certain_status(reader).name, reader.in_doubt) == ("silent", False)
    monkeypatch.setattr(lock, "look", lambda path: None)
    assert certain_status(read(run)).name == "silent", "it cannot be known"


def test_who_was_started_here_in_its_place_is_starting_from_its_lock_on(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands are for that worker, not for the attempt that is lost."""
    beat(run, 600)
    record_starting(run.path, os.getpid())
    monkeypatch.setattr(lock, "look", lambda path: lock.Lock(True))
    found = read(run).status()
    assert (found.name, found.attempt) == ("starting", 0)
    beat(run, -10)
    assert read(run).status().name == "running", "it was heard of since"


@pytest.mark.parametrize("age", [HOUR, 5.0, -HOUR])
def test_a_heartbeat_that_moves_protects_its_run_whatever_the_clock_there_says(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    moving(run, age, monkeypatch)
    reader = read(run)
    assert (certain_status(reader).name, reader.in_doubt) == ("running", False)
    assert certain_status(read(run)).name == "running"


@pytest.mark.parametrize("age", [5.0, -HOUR])
def test_one_that_stands_still_is_waited_for(run: RunDirectory, monkeypatch: pytest.MonkeyPatch, age: float) -> None:
    monkeypatch.setattr(claim, "REMOTE_SECONDS", 5.5 if age > 0 else 0.4)
    beat(run, age)
    told: list[str] = []
    assert certain_status(read(run), told.append).name == "interrupted"
    assert told[0] == "waits for a heartbeat of old-pod: 0 s"
    assert told[-1] == ""


def test_what_was_watched_is_not_watched_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    beat(run, 600)
    assert certain_status(read(run)).over
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
    assert certain_status(read(run)).over
    claim.wait_for_last(run.path)
