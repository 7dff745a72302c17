"""Series of runs: names, commands, waiting, and where a series ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.core.errors import UsageError
from dltui.core.lifecycle import series
from dltui.core.lifecycle.create import RunRequest
from dltui.core.rundir.directory import RunDirectory


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))


REQUEST = RunRequest("softmax-numpy", "blobs", config={"lr": 0.1}, command=("dltui", "train", "x", "--seeds", "1,2"))


def make(name: str, group: str) -> RunDirectory:
    return RunDirectory.create(name, {"created": 1.0, "group": group})


def test_a_members_command_trains_it_alone() -> None:
    run = series.member(REQUEST, "lab", 2)
    assert (run.name, run.group, run.config) == ("lab-s2", "lab", {"lr": 0.1, "seed": 2})
    assert run.command == ("dltui", "train", "x", "--seed", "2")
    assert series._alone(("a", "--seeds=1,2", "b"), 7) == ("a", "--seed=7", "b")


def test_a_group_has_a_name_of_its_own() -> None:
    assert series.group_name("lab") == "lab"
    make("lab-s1", "lab")
    make("other", "lab-2")
    assert series.group_name("lab") == "lab-3"
    assert series.group_name(None)
    with pytest.raises(UsageError, match="not allowed"):
        series.group_name("../lab")


@pytest.mark.parametrize(("ends", "trained"), [({}, [2, 3]), ({2: "failed"}, [2]), ({1: "stopped"}, [])])
def test_a_series_ends_at_the_first_run_that_does_not_finish(
    monkeypatch: pytest.MonkeyPatch, ends: dict[int, str], trained: list[int]
) -> None:
    done: list[int] = []

    def create(request: RunRequest, catalog: Any) -> RunDirectory:
        done.append(request.config["seed"])
        return make(str(request.name), "lab")

    monkeypatch.setattr(series, "create_run", create)
    monkeypatch.setattr(series, "spawn_worker", lambda run: 0)
    monkeypatch.setattr(series, "status_after", lambda run: ends.get(int(run.id[-1]), "finished"))
    series.go_on(make("lab-s1", "lab"), REQUEST, "lab", [2, 3], Catalog())
    assert done == trained


def test_waiting_ends_when_the_worker_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    from dltui.core.reading.status import Status

    seen = iter([Status("running"), Status("finished"), Status("finished")])
    phases = iter(["training", "exporting", "ended"])

    class Reader:
        def __init__(self, run: RunDirectory) -> None: ...

        def refresh(self) -> None: ...

        def status(self) -> Status:
            return next(seen)

        def live(self) -> Any:
            return type("Live", (), {"phase": next(phases)})

    monkeypatch.setattr(series, "RunReader", Reader)
    pauses: list[float] = []
    assert series.status_after(make("a", "g"), pauses.append) == "finished"
    assert len(pauses) == 2
