"""A run that a launcher has started says what it waits for, until its worker or its log says more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.reading import launched
from dltui.core.reading.history import History
from dltui.core.rundir import launch
from dltui.core.rundir.heartbeat import Live
from dltui.core.rundir.launch import Chosen, LaunchRecord
from tests.core.reading.test_status import history, live

NOW = 10_000.0
SENT = LaunchRecord("slurm", {"gpus": 2}, time=NOW - 100, job={"id": "7"}, requeues=True)


def tell(record: LaunchRecord | None, past: History, beat: Live | None = None, alive: bool | None = None) -> Any:
    found = launched.status(record, past, beat, alive, NOW)
    return found and (found.name, found.why, found.phase)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ("queued", "waits in the queue of slurm", "waiting")),
        (
            {"state": "waiting", "reason": "no room yet", "place": 3},
            ("queued", "waits in the queue of slurm: no room yet, 3rd in line", "waiting"),
        ),
        ({"state": "running", "reason": "node07"}, ("starting", "its job has begun (node07)", "waiting")),
        (
            {"state": "gone", "reason": "timeout"},
            ("interrupted", "its job in slurm is gone before it began: timeout; see worker.log", "ended"),
        ),
        (
            {"state": "unknown", "reason": "squeue: no answer"},
            ("queued", "handed over to slurm, which does not answer: squeue: no answer", "waiting"),
        ),
        (
            {"withdrawn": True, "reason": "ended by anna@login"},
            ("interrupted", "ended by anna@login before it began", "ended"),
        ),
    ],
)
def test_a_job_that_has_not_begun(changes: dict[str, Any], told: tuple[str, ...]) -> None:
    assert tell(replace(SENT, **changes), History()) == told


def test_without_a_job_nothing_is_said_of_it() -> None:
    assert tell(None, History()) is None
    assert tell(replace(SENT, job={}), History()) is None


def test_a_worker_that_lives_speaks_for_itself() -> None:
    beat = live()
    assert tell(SENT, history(), beat, True) is None
    assert tell(replace(SENT, state="gone", asked=NOW), history(), beat, None) is None
    assert tell(SENT, history("finished"), beat, False) is None


def test_a_preempted_run_goes_into_the_queue_again() -> None:
    past = history("preempted")
    past.ended_at = NOW - 5
    assert tell(SENT, past)[0] == "queued"
    assert tell(replace(SENT, requeues=False), past) is None
    waits = replace(SENT, state="waiting", reason="held", asked=NOW)
    assert tell(waits, past) == ("queued", "waits in the queue of slurm: held", "waiting")
    assert tell(replace(SENT, state="gone", asked=NOW), past) is None
    assert tell(replace(SENT, withdrawn=True, asked=NOW), past) is None
    past.ended_at = NOW - 1000
    assert tell(SENT, past) is None


def test_a_worker_that_was_killed_with_its_node_may_come_again() -> None:
    dead = live(time=NOW - 5)
    assert tell(SENT, history(), dead, False)[0] == "queued"
    assert tell(replace(SENT, state="gone", asked=NOW), history(), dead, False) is None, "how it died says more"
    quiet = replace(dead, time=NOW - 100)
    assert tell(replace(SENT, state="gone", asked=NOW), history(), quiet, None)[0] == "interrupted"
    assert tell(replace(SENT, time=0.0), history(), replace(dead, time=NOW - 1000), False) is None


def test_a_job_whose_node_was_lost_is_what_its_launcher_says_of_it() -> None:
    """A scheduler takes some minutes to miss a node; a viewer misses the worker earlier."""
    lost, asked = live(time=NOW - 300), replace(SENT, asked=NOW)
    told = ("silent", "its worker has gone, its job in slurm still runs", "training")
    assert tell(replace(asked, state="running"), history(), lost, False) == told
    assert tell(replace(asked, state="waiting"), history(), lost, False)[0] == "queued"
    for state in ("gone", "unknown"):
        assert tell(replace(asked, state=state), history(), lost, False) is None
    assert tell(replace(asked, state="running", requeues=False), history(), lost, False) is None
    assert tell(replace(asked, state="running"), history(), lost, None) is None, "it may live"


def test_a_run_that_is_resumed_waits_again() -> None:
    resumed = replace(SENT, attempts=1)
    assert tell(resumed, history("finished"), live(), False)[0] == "queued"
    assert tell(replace(resumed, withdrawn=True), history("finished"), live(), False) is None
    # After an attempt that was killed before it wrote to the log.
    assert tell(resumed, History(), live(time=NOW - 1000), False)[0] == "queued"


def test_the_record_is_that_of_its_directory(tmp_path: Path) -> None:
    mine, copy = tmp_path / "mine", tmp_path / "copy"
    for folder in (mine, copy):
        folder.mkdir()
    launch.write(mine, SENT)
    found = launch.read(mine)
    assert found == replace(SENT, inode=mine.stat().st_ino)
    (copy / launch.FILE).write_bytes((mine / launch.FILE).read_bytes())
    assert launch.read(copy) is None
    assert launch.chosen(copy, {"launcher": {"name": "ray"}}) == Chosen("ray")
    assert launch.chosen(mine, {}) == Chosen("slurm", {"gpus": 2})
    (mine / launch.FILE).write_text('{"launcher": 3, "time": "soon"}')
    assert launch.read(mine) is None
    assert Chosen.from_json("slurm").is_default


def test_a_worker_whose_clock_is_behind_is_heard() -> None:
    """Of two machines: the number of the attempt says which is newer."""
    beat = replace(live(), attempt=SENT.attempts + 1, time=SENT.time - 600)
    assert tell(SENT, History(), beat, alive=True) is None
