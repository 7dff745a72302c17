"""`dltui prune`: which runs are among the best, and what becomes of those that cannot be deleted; also `dltui rm`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.lifecycle import trash
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli.commands import prune
from dltui.tui.cli.commands.prune import Ended
from tests.helpers import sample_run
from tests.helpers.command import Run, runner
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def dltui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    return runner(capsys)


def ended(name: str, best: float, metric: str, mode: str | None, data: str = "digits") -> Ended:
    row = {"id": name, "model": "net", "metric": metric, "mode": mode, "best": best, "since": 1.0, "created": 0.0}
    return Ended(row, 1, RunDirectory(Path(name)), data)


@pytest.mark.parametrize(
    ("metric", "mode", "kept"),
    [
        ("accuracy", "max", "high"), ("loss", "min", "low"), ("mse", "min", "low"), ("calibration_error", "min", "low"),
        ("f1", "min", "low"), ("score", "max", "high"), ("mae", None, "low"), ("accuracy", None, "high"),
    ],
)  # fmt: skip
def test_the_best_are_what_the_monitor_takes_for_them(metric: str, mode: str | None, kept: str) -> None:
    runs = [ended("low", 0.1, metric, mode), ended("high", 0.9, metric, mode)]
    doomed = prune.choose(runs, 1, None, 10.0)
    assert {one.row["id"] for one in doomed} == {"low", "high"} - {kept}


def listed(dltui: Run) -> list[str]:
    code, out, err = dltui("prune", "--keep-best", "1", "--dry-run", "--json")
    assert (code, err) == (0, "")
    return [row["id"] for row in json.loads(out)]


def test_runs_on_the_same_data_are_compared(dltui: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its fingerprint: folders of the same name are told apart, and one that was moved is known again."""
    started = sample_run._started

    def make(name: str, folder: str, fingerprint: str, epochs: int) -> None:
        def other(*given: Any) -> Any:
            found = started(*given)
            return replace(found, dataset={**found.dataset, "fingerprint": fingerprint})

        monkeypatch.setattr(sample_run, "_started", other)
        run = make_sample_run(tmp_path / "runs", run_id=name, epochs=epochs, image=False)
        asked = json.loads(run.run_json.read_text())
        asked |= {"dataset": "folder:pets", "dataset_plugin": "folder", "dataset_options": {"path": f"/{folder}/pets"}}
        run.run_json.write_text(json.dumps(asked))

    make("one", "a", "11", 2)
    make("two", "b", "22", 3)
    assert listed(dltui) == []
    make("moved", "c", "22", 1)
    assert listed(dltui) == ["moved"]
    make("old", "a", "", 1)
    make("older", "b", "", 1)
    assert listed(dltui) == ["moved"], "what tells no fingerprint has a path"


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with three runs, one of which cannot be deleted."""
    for name in ("one", "stuck", "two"):
        make_sample_run(tmp_path / "runs", run_id=name, epochs=1, image=False)
    discard = trash.discard

    def refuse(run: RunDirectory) -> Path:
        if run.id == "stuck":
            raise RunError("cannot delete stuck: Input/output error")
        return discard(run)

    monkeypatch.setattr(trash, "discard", refuse)
    return tmp_path / "runs"


def names(runs: Path) -> list[str]:
    return [path.name for path in runs.iterdir() if not path.name.startswith(".")]


def test_one_that_cannot_be_deleted_keeps_none_of_the_others(dltui: Run, stuck: Path) -> None:
    code, out, err = dltui("prune", "--older-than", "0", "--yes", "--json")
    assert (code, err) == (1, "dltui: cannot delete stuck: Input/output error\n")
    told = {row["id"]: (row["deleted"], row.get("why")) for row in json.loads(out)}
    assert told == {
        "one": (True, None), "two": (True, None), "stuck": (False, "cannot delete stuck: Input/output error"),
    }  # fmt: skip
    assert names(stuck) == ["stuck"]


def test_nor_does_it_where_runs_are_named(dltui: Run, stuck: Path) -> None:
    code, out, err = dltui("rm", "one", "stuck", "one", str(stuck / "one"), "two")
    assert (code, err) == (1, "dltui: cannot delete stuck: Input/output error\n")
    assert out == "one deleted\ntwo deleted\n"
    assert names(stuck) == ["stuck"]
