"""Series of runs: names, commands, waiting, and where a series ends."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.core.errors import UsageError
from dltui.core.lifecycle import series
from dltui.core.lifecycle.create import RunRequest
from dltui.core.rundir import notes
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


def test_all_runs_are_made_or_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def create(request: RunRequest, catalog: Any, fill: Any) -> RunDirectory:
        if request.config["seed"] == 3:
            raise UsageError("the disk is full")
        return make(str(request.name), "lab")

    monkeypatch.setattr(series, "create_run", create)
    made = series.create(REQUEST, "lab", [1, 2], Catalog())
    assert [run.id for run in made] == ["lab-s1", "lab-s2"]
    with pytest.raises(UsageError, match="full"):
        series.create(REQUEST, "new", [4, 5, 3], Catalog())
    assert sorted(path.name for path in (tmp_path / "home" / "runs").iterdir()) == ["lab-s1", "lab-s2"]


def test_a_series_whose_maker_was_killed_knows_its_seeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def create(request: RunRequest, catalog: Any, fill: Any) -> RunDirectory:
        config, name = dict(request.config), str(request.name)
        asked = {
            "created": 1.0,
            "share": None,
            "group": "lab",
            "seed": config["seed"],
            "config": config,
            "command": request.command,
        }
        return RunDirectory.create(name, {**asked, "exports": str(tmp_path / "exports" / name)}, fill)

    monkeypatch.setattr(series, "create_run", create)
    made = series.create(REQUEST, "lab", [1, 2], Catalog())
    assert [notes.series_seeds(run.path) for run in made] == [[], []]
    assert series.complete("lab", made) == []
    shutil.rmtree(made[1].path)
    notes.series_begun(made[0].path, [1, 2, 3])
    found = series.complete("lab", made[:1])
    assert [run.id for run in found] == ["lab-s2", "lab-s3"]
    assert notes.series_seeds(made[0].path) == []
    asked = found[1].run()
    assert (asked["seed"], asked["config"], asked["group"]) == (3, {"lr": 0.1, "seed": 3}, "lab")
    assert asked["command"] == ["dltui", "train", "x", "--seed", "3"]
    assert asked["exports"] == str(tmp_path / "exports" / "lab-s3")
    assert asked["birth"]["token"] != made[0].run()["birth"]["token"]


@pytest.mark.parametrize("text", ["", "[]", '{"seeds": 3}', '{"seeds": ["1", null, true]}', "[" * 100_000])
def test_a_damaged_note_of_a_series_says_nothing(text: str) -> None:
    run = make("lab-s1", "lab")
    (run.path / notes.SERIES).write_text(text)
    assert notes.series_seeds(run.path) == []


def test_every_run_has_a_worker_in_the_queue_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the death of whoever started them changes nothing."""
    started: list[tuple[str, bool]] = []

    def queue(run: RunDirectory, at_once: bool, more_epochs: int, instead: Any) -> int:
        started.append((run.id, at_once))
        return 7

    monkeypatch.setattr(series, "queue_worker", queue)
    runs = [make(f"lab-s{seed}", "lab") for seed in (1, 2, 3)]
    assert series.start(runs, at_once=True) == [7, 7, 7]
    assert series.start(runs[:1], at_once=False) == [7]
    assert started == [("lab-s1", True), ("lab-s2", False), ("lab-s3", False), ("lab-s1", False)]


def test_a_group_is_found_by_its_name_unless_a_run_is_called_so() -> None:
    for seed in (1, 2):
        make(f"lab-s{seed}", "lab")
    assert {run.id for run in series.members("lab")} == {"lab-s1", "lab-s2"}
    assert series.members("lab-s1") == series.members(None) == series.members("other") == []
    make("lab", "another")
    assert series.members("lab") == []
