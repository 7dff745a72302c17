"""The queue of a device keeps the place of every worker that lives, seen or not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.rundir import lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker.waiting import device_queue


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return RunDirectory.create("one", {"created": 1.0, "device": {"name": "cpu"}})


def test_the_ticket_of_a_worker_in_another_container_is_not_swept(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells of its lock, but not of its pid."""
    ticket = ticket_of(run, 0)
    ticket.touch()
    with monkeypatch.context() as patch:
        patch.setattr(lock, "look", lambda path: lock.Lock(True, 0))
        assert [found.run for found in device_queue.tickets(run)] == ["one"]
    assert ticket.exists()
    assert device_queue.tickets(run) == []
    assert not ticket.exists(), "its lock is free: it has died"


def test_who_has_joined_has_a_while_to_start_its_worker(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    order = device_queue.join(run)
    assert [found.order for found in device_queue.tickets(run)] == [order]
    later = time.time_ns() + int(device_queue.STARTUP_SECONDS * 1e9) + 1
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert device_queue.tickets(run) == []
    device_queue.leave(run, order)
    assert not ticket_of(run, order).exists()


def test_a_run_on_two_devices_waits_for_both(tmp_path: Path, run: RunDirectory) -> None:
    """Its tickets have one order: of two such runs none can have one device and wait for the other."""
    both = {"name": "cuda:0,cuda:1", "devices": [{"name": "cuda:0", "uuid": "G0"}, {"name": "cuda:1", "uuid": "G1"}]}
    two = RunDirectory.create("two", {"created": 1.0, "device": both})
    other = RunDirectory.create("other", {"created": 1.0, "device": {"name": "cuda:1", "uuid": "G1"}})
    first, second, third = device_queue.Place(other), device_queue.Place(two), device_queue.Place(other)
    first.occupy()
    second.take_up(device_queue.join(two))
    assert second.waits_for() == "1st in line for cuda:1, after other"
    third.take_up(device_queue.join(other))
    first.leave()
    assert second.waits_for() == ""
    second.begin()
    assert [ticket.run for ticket in device_queue.tickets(two)] == ["two", "two", "other"]
    assert third.waits_for() == "1st in line for cuda:1, after two"
    second.leave()
    assert third.waits_for() == ""
    third.leave()


def test_a_queue_that_cannot_be_joined_at_all_devices_is_left(
    tmp_path: Path, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket that is left locked would come before the next one of the same run, for ever."""
    both = {"name": "cuda:0,cuda:1", "devices": [{"name": "cuda:0", "uuid": "G0"}, {"name": "cuda:1", "uuid": "G1"}]}
    two = RunDirectory.create("two", {"created": 1.0, "device": both})
    real, place = device_queue._At.take_up, device_queue.Place(two)

    def second_fails(self: Any, order: int) -> None:
        if "G1" in str(self._folder):
            raise RunError("cannot lock: Input/output error")
        real(self, order)

    monkeypatch.setattr(device_queue._At, "take_up", second_fails)
    with pytest.raises(RunError, match="Input/output error"):
        place.join()
    assert device_queue.tickets(two) == []


def test_a_run_and_its_copy_have_a_ticket_each(run: RunDirectory) -> None:
    """A copy that is verified beside its run has the same name."""
    both = device_queue.Place(run), device_queue.Place(run)
    for place in both:
        place.occupy()
    assert [ticket.run for ticket in device_queue.tickets(run)] == ["one", "one"]
    both[1].leave()
    assert [ticket.run for ticket in device_queue.tickets(run)] == ["one"]
    both[0].leave()
    assert device_queue.tickets(run) == []


def test_a_clock_that_is_set_back_lets_nobody_go_first(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    other = RunDirectory.create("other", {"created": 1.0, "device": {"name": "cpu"}})
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + int(3600e9))
    first = device_queue.Place(run)
    first.join()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    second = device_queue.Place(other)
    second.join()
    assert [ticket.run for ticket in device_queue.tickets(run)] == ["one", "other"]
    assert second.waits_for().startswith("2nd in line for cpu, after one")
    first.leave()
    second.leave()
    # One whose worker never came, from before the clock was set back.
    ticket = ticket_of(run, now + int(7200e9))
    ticket.touch()
    os.utime(ticket, ns=(now + int(7200e9),) * 2)
    assert device_queue.tickets(run) == []
    assert not ticket.exists()


def ticket_of(run: RunDirectory, order: int) -> Path:
    (folder,) = device_queue._folders(run, None)
    return device_queue._ticket(folder, run, order)
