"""A run in whose folder nothing changes is seldom looked at, and what changes is seen at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltui.core.analysis.cost import Prices
from dltui.core.errors import UsageError
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


@pytest.mark.usefixtures("looks")
def test_what_cannot_be_read_keeps_nothing_else_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A review that a spreadsheet has saved in its own way, and prices that are none."""
    run = make_sample_run(tmp_path, status="finished")
    monkeypatch.setattr(RunWatch, "_exports", lambda self: tmp_path)
    (tmp_path / "review.csv").write_text("split;id;true;said;probability;mark\ntest;1;Coat;Shirt;0.9;keep\n")

    def prices() -> Prices:
        raise UsageError("config.toml: cost must be a table")

    watch = RunWatch(run, lambda: BEGAN + 30, lambda folder, pid: None, prices)  # type: ignore[arg-type, return-value]
    watch.wants = frozenset(["inside", "mistakes"])
    found = watch.look()
    assert found is not None
    assert found.mistakes is not None
    assert found.review == {}
    assert found.problem.startswith(f"no marks are shown: cannot read {tmp_path}/review.csv: it is no review")
    watch.wants = frozenset(["hardware"])
    found = watch.look()
    assert found is not None
    assert found.hardware is not None
    assert found.problem == "config.toml: cost must be a table"
    watch.wants = frozenset()
    found = watch.look()
    assert found is not None
    assert found.problem == ""


@pytest.mark.usefixtures("looks")
def test_figures_in_a_folder_that_may_not_be_entered_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = RunWatch(make_sample_run(tmp_path, status="finished"), lambda: BEGAN + 30)
    # What pathlib raises an error for, as it does for a folder of another user.
    monkeypatch.setattr(RunWatch, "_exports", lambda self: tmp_path / ("x" * 300))
    found = watch.look()
    assert found is not None
    assert not found.figures


def test_what_can_be_read_is_there_beside_what_is_damaged(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path)
    (run.predictions_dir / "test.npz").write_bytes(b"no zip")
    watch = RunWatch(run, lambda: BEGAN + 30)
    watch.wants = frozenset(("inside",))
    view = watch.look()
    assert view
    assert (view.matrix, view.past is None) == (None, False)
    assert "test.npz is damaged" in view.problem
