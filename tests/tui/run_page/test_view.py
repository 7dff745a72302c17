"""A run in whose folder nothing changes is seldom looked at, and what changes is seen at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltui.core.reading.reader import RunReader
from dltui.tui.run_page import view
from dltui.tui.run_page.view import RunWatch
from tests.helpers.sample_run import BEGAN, make_sample_run


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An entry for each look at heartbeat and worker."""
    found: list[None] = []
    look = RunReader.look
    monkeypatch.setattr(RunReader, "look", lambda reader, now=None: found.append(None) or look(reader, now))
    monkeypatch.setattr(view, "REST_SECONDS", 600.0)
    return found


def test_where_nothing_changes_the_worker_is_not_looked_at(tmp_path: Path, looks: list[None]) -> None:
    watch = RunWatch(make_sample_run(tmp_path, status="running"), lambda: BEGAN + 30)
    assert watch.look() is not None
    assert [watch.look() for _ in range(5)] == [None] * 5
    assert len(looks) == 1


def test_a_worker_is_looked_at_again_after_a_while(
    tmp_path: Path, looks: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = RunWatch(make_sample_run(tmp_path, status="running"), lambda: BEGAN + 30)
    watch.look()
    monkeypatch.setattr(view, "REST_SECONDS", 0.0)
    watch.look()
    assert len(looks) == 2


@pytest.mark.usefixtures("looks")
def test_what_changes_is_seen_at_once(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path, status="running")
    watch = RunWatch(run, lambda: BEGAN + 30)
    watch.look()
    run.set_labels(name="by another hand")
    # The clock of some disks is coarse.
    os.utime(run.path, ns=(1, 1))
    changed = watch.look()
    assert changed is not None
    assert changed.summary.name == "by another hand"
    with run.events_path.open("ab") as file:
        file.write(b"damaged\n")
    changed = watch.look()
    assert changed is not None
    assert changed.history.damaged == 1


@pytest.mark.usefixtures("looks")
def test_files_that_grow_are_read_as_long_as_a_tab_wants_them(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path, status="running")
    watch = RunWatch(run, lambda: BEGAN + 30)
    watch.look()
    watch.wants = frozenset(["output"])
    assert watch.look() is not None
    with run.worker_log.open("a") as file:
        file.write("more\n")
    changed = watch.look()
    assert changed is not None
    assert changed.output[-1] == "more"
