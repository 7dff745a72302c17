"""The queue of a device keeps the place of every worker that lives, seen or not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dltui.core.rundir import lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker import device_queue


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return RunDirectory.create("one", {"created": 1.0, "device": {"name": "cpu"}})


def test_the_ticket_of_a_worker_in_another_container_is_not_swept(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells of its lock, but not of its pid."""
    ticket = device_queue._ticket(run, 0)
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
    assert not device_queue._ticket(run, order).exists()
