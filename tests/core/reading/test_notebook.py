"""A run read from Python: the numbers of its export, with and without pandas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import dltui
from dltui.core.errors import UsageError
from dltui.tui.cli import main

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(place / "home"))
        patch.chdir(place)
        patch.setenv("DLTUI_FORMAT", "none")
        words = ["train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--device", "cpu", "--plain"]
        assert main.run([*words, "--name", "one"]) == 0
        assert main.run([*words, "--name", "two", "--lr", "0.0001", "--epochs", "1"]) == 0
    return place


@pytest.mark.parametrize("pandas", [True, False])
def test_a_run_is_loaded(exported: Path, monkeypatch: pytest.MonkeyPatch, pandas: bool) -> None:
    if pandas:
        pytest.importorskip("pandas")
    else:
        monkeypatch.setitem(sys.modules, "pandas", None)
    run = dltui.load_run(exported / "home" / "runs" / "one")
    summary = json.loads((exported / "exports" / "one" / "summary.json").read_text())
    assert (run.id, run.status, run.config["epochs"]) == ("one", "finished", 3)
    assert run.test["accuracy"] == summary["test_accuracy"]
    assert np.asarray(run.metrics["validation_accuracy"]).max() == summary["validation_accuracy"]
    assert list(run.metrics["epoch"]) == [1, 2, 3]
    assert list(run.curve["step"])[-1] == 39
    assert type(run.metrics).__name__ == ("DataFrame" if pandas else "dict")
    arrays = run.predictions()
    assert (arrays["top"][:, 0] == arrays["labels"]).mean() == pytest.approx(summary["test_accuracy"])


def test_what_is_not_there_is_said(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(exported / "home"))
    with pytest.raises(UsageError, match="no predictions 'train'; there is"):
        dltui.load_run("one").predictions("train")
    with pytest.raises(UsageError):
        dltui.load_run("three")


def test_prune_shows_keeps_and_deletes(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(exported / "home"))

    def prune(*words: str) -> tuple[int, str]:
        code = main.run(["prune", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert prune() == (2, "dltui: name the runs to delete: --keep-best N, --older-than DAYS, or both\n")
    assert prune("--keep-best", "1")[0] == 2
    assert prune("--older-than", "1", "--keep-best", "0", "--yes") == (0, "no run to delete\n")
    code, said = prune("--keep-best", "1", "--dry-run")
    assert code == 0
    assert said.splitlines()[0].split() == ["RUN", "MODEL", "DATASET", "BEST", "ENDED", "SIZE"]
    assert said.splitlines()[1].startswith("two ")
    assert said.splitlines()[2].startswith("1 run, ")
    assert (exported / "home" / "runs" / "two").exists()
    found = json.loads(prune("--keep-best", "1", "--yes", "--json")[1])
    assert [(entry["id"], entry["deleted"]) for entry in found] == [("two", True)]
    assert sorted(path.name for path in (exported / "home" / "runs").iterdir()) == ["one"]
