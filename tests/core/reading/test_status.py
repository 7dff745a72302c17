"""The state of a run is told as it is: each word for its case, right soon after a death, never "running" for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.liveness.silence import Observations
from dltui.core.reading.status import Status, status
from dltui.core.rundir.events import CommandObeyed
from dltui.core.rundir.heartbeat import Live
from tests.core.reading.test_history import Tape

NAMES = {
    "queued", "starting", "running", "paused", "silent", "finished", "stopped", "interrupted", "preempted", "failed",
}  # fmt: skip
NOW = 10_000.0
HERE, DEAD, THERE = Observations(True), Observations(False), Observations(None)


def live(phase: str = "training", **changes: Any) -> Live:
    base = Live("gpu01", "boot", 42, 1, 1, phase, NOW - 50, NOW - 0.5, step=7, total_steps=50, counter=9)
    return replace(base, **changes)


def history(ended: str | None = None) -> History:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    if ended:
        from dltui.core.rundir.events import RunEnded

        tape.add(RunEnded(ended, "the reason", None, 1, 10, 1.0, 1.0))
    return tape.fold()


def tell(past: History, beat: Live | None, seen: Observations = HERE, created: float = 0.0) -> Status:
    found = status({"created": created}, past, beat, NOW, seen)
    assert found.name in NAMES
    assert found.why
    return found


@pytest.mark.parametrize("word", ["finished", "stopped", "preempted", "failed"])
@pytest.mark.parametrize("beat", [None, live("ended"), live("exporting")])
def test_an_end_that_was_logged_counts(word: str, beat: Live | None) -> None:
    found = tell(history(word), beat, DEAD)
    assert (found.name, found.why) == (word, "the reason")
    assert found.over
    assert found.since > 0


def test_figures_are_drawn_while_the_worker_lives() -> None:
    assert tell(history("finished"), live("exporting"), HERE).phase == "exporting"
    assert tell(history("finished"), live("exporting"), DEAD).phase == "ended"
    killed = tell(history("finished"), live("exporting"), replace(DEAD, redraw="dltui export one"))
    assert (killed.name, killed.phase) == ("finished", "figures incomplete")
    assert killed.why == "the reason; figures incomplete: dltui export one"


def test_silence_is_counted_by_the_clock_of_the_boot() -> None:
    """The time of day was set back by a day since the worker stopped."""
    ahead = live(time=NOW + 86_400)
    assert tell(history(), ahead).name == "running"
    assert tell(history(), ahead, replace(HERE, age=25.0)).name == "silent"


@pytest.mark.parametrize(
    ("beat", "word"),
    [
        (live("starting"), "starting"), (live("importing"), "starting"), (live("loading data"), "starting"),
        (live("building"), "starting"), (live("compiling"), "starting"), (live("training"), "running"),
        (live("evaluating"), "running"), (live("saving"), "running"), (live("exporting"), "running"),
        (live("paused"), "paused"), (live("queued"), "queued"), (live("a phase of the future"), "running"),
    ],
)  # fmt: skip
def test_phases_of_a_living_worker(beat: Live, word: str) -> None:
    for seen in (HERE, THERE):
        found = tell(history(), beat, seen)
        assert (found.name, found.phase, found.since) == (word, beat.phase, beat.phase_since)
        assert not found.over


@pytest.mark.parametrize("before", ["stopped", "finished"])
def test_a_resumed_run_that_dies_before_its_first_step_is_what_it_was(before: str) -> None:
    again = live("importing", attempt=2)
    assert tell(history(before), again).name == "starting"
    assert tell(history(before), again, DEAD).name == before
    assert tell(history("failed"), again, DEAD).name == "interrupted"


def test_interrupted_says_where() -> None:
    found = tell(history(), live(step=13), DEAD)
    assert (found.name, found.why) == ("interrupted", "the worker was killed at epoch 2, step 3")
    assert "at epoch 1, step 10" in tell(history(), live(step=10), DEAD).why
    assert "before the first step (importing)" in tell(History(), live("importing", step=0), DEAD).why
    assert tell(history(), live("ended"), HERE).name == "interrupted"
    crashed = tell(history(), live(step=13), Observations(False, crash="the worker crashed (SIGSEGV)"))
    assert crashed.why == "the worker crashed (SIGSEGV) at epoch 2, step 3"
    told = tell(history(), live("ended", step=13, detail="storage error (Input/output error)"), DEAD)
    assert told.why == "storage error (Input/output error) at epoch 2, step 3"


def test_a_worker_that_never_began() -> None:
    assert tell(History(), None, created=NOW - 5).name == "starting"
    assert tell(History(), None, created=NOW - 25).name == "interrupted"
    assert tell(History(), None, created=NOW + 3).name == "starting", "clocks differ a little"
    assert tell(History(), None, created=NOW + 3600).name == "interrupted", "the clock was set back"
    assert status({}, History(), None, NOW, THERE).name == "interrupted"


def test_silent_by_an_old_heartbeat() -> None:
    assert tell(history(), live(time=NOW - 15)).name == "running"
    found = tell(history(), live(time=NOW - 25))
    assert (found.name, found.why) == ("silent", "no heartbeat for 25 s")
    assert tell(history(), live("paused", time=NOW - 25)).name == "silent"
    assert tell(history(), live("importing", time=NOW - 25)).name == "starting"
    assert tell(history(), live("importing", time=NOW - 65)).name == "silent"


def test_silent_by_standing_still_with_patience_for_the_phase() -> None:
    assert tell(history(), live(still=25)).name == "running"
    assert tell(history(), live(still=31)).name == "silent"
    assert "no progress in training for 31 s" in tell(history(), live(still=31)).why
    assert tell(history(), live(still=31, slowest=10)).name == "running"
    assert tell(history(), live("importing", still=300)).name == "starting"
    assert tell(history(), live("importing", still=700)).name == "silent"
    assert tell(history(), live("paused", still=1e6)).name == "paused"
    assert tell(history(), live("queued", still=1e6)).name == "queued"
    # The first step may compile.
    assert tell(history(), live(step=0, still=300)).name == "running"
    assert tell(History(), live("evaluating", still=300)).name == "running"
    assert tell(history(), live("evaluating", still=31)).name == "silent"


def test_another_host_counts_by_its_heartbeat_alone() -> None:
    assert tell(history(), live(time=NOW - 80), THERE).name == "running"
    found = tell(history(), live(time=NOW - 95), THERE)
    assert (found.name, found.why) == ("silent", "no heartbeat from gpu01 for 95 s")
    # A clock that goes wrong there, in either direction, does not matter once the heartbeat was seen moving.
    assert tell(history(), live(time=NOW - 5000), Observations(None, standing=3, moved=True)).name == "running"
    assert tell(history(), live(time=NOW + 5000), Observations(None, standing=91, moved=True)).name == "silent"
    assert tell(history(), live(time=NOW + 5000), Observations(None, standing=91)).name == "silent"


@pytest.mark.parametrize(
    ("count", "left", "peak", "words"),
    [
        (3, 10**8, 5 * 10**9, "probably out of memory (it had used 5.0 GB) at"),
        (3, 4 * 10**9, 5 * 10**9, "probably out of memory"),
        # Nobody was killed since the last heartbeat, or there was plenty, or nothing is known of it.
        (2, 10**8, 5 * 10**9, "the worker was killed at"),
        (3, 10**11, 5 * 10**9, "the worker was killed at"),
        (3, -1, 5 * 10**9, "the worker was killed at"),
        (None, 10**8, 5 * 10**9, "the worker was killed at"),
    ],
)
def test_a_kill_for_want_of_memory_is_told_from_others(count: int | None, left: int, peak: int, words: str) -> None:
    beat = live(oom_kills=2, memory_left=left, peak=peak)
    found = tell(history(), beat, Observations(False, oom_kills=count))
    assert (found.name, words in found.why) == ("interrupted", True), found.why


def test_paused_says_by_whom_or_why() -> None:
    assert tell(history(), live("paused", detail="disk full: 0 B free")).why == "disk full: 0 B free"
    tape = Tape()
    tape.start()
    tape.add(CommandObeyed("1", "pause", {}, 1, 5, "anna@lab", 0.0))
    assert tell(tape.fold(), live("paused")).why == "paused by anna@lab"
