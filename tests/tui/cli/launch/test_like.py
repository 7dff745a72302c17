"""`dltui train --like RUN` is recorded as what it stands for, to the last digit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle import series
from dltui.core.lifecycle.create import RunRequest
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli import main
from dltui.tui.cli.launch import start
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"


def test_the_recorded_command_says_the_same_without_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill
) -> None:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    created: list[RunDirectory] = []

    def carry_out(run: RunDirectory, options: start.Options, **more: object) -> int:
        created.append(run)
        return 0

    monkeypatch.setattr(start, "carry_out", carry_out)

    def train(*words: str) -> dict[str, object]:
        monkeypatch.setattr("sys.argv", ["dltui", "--no-third-party", "train", *words])
        monkeypatch.delenv("DLTUI_THIRD_PARTY", raising=False)
        assert main.run(["--no-third-party", "train", *words]) == 0
        record: dict[str, object] = json.loads(created[-1].run_json.read_text())
        return record

    first = train(
        *("softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--device", "cpu", "--name", "first"),
        *("--lr", "0.0123456789", "--deterministic"),
    )
    second = train("--like", "first", "--epochs", "3")
    command = second["command"]
    assert isinstance(command, list)
    assert command[:3] == ["dltui", "--no-third-party", "train"]
    assert command[-2:] == ["--epochs", "3"]
    assert "--like" not in command
    assert command[command.index("--lr") + 1] == "0.0123456789"
    assert "--deterministic" in command
    created[0].path.rename(tmp_path / "gone")
    third = train(*command[3:])
    assert third["config"] == second["config"] == {**first["config"], "epochs": 3}  # type: ignore[dict-item]
    assert third["command"] == command


def test_a_seed_of_the_run_gives_way_to_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that is set for all trainings; only a typed --seed is meant against them."""
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "carry_out", lambda run, options, **more: 0)
    created: list[tuple[RunRequest, list[int]]] = []

    def create(request: RunRequest, group: str, seeds: list[int], catalog: Catalog) -> list[RunDirectory]:
        created.append((request, seeds))
        return []

    monkeypatch.setattr(series, "create", create)
    monkeypatch.setattr(series, "start", lambda runs, at_once: [])
    model = (
        "softmax-numpy",
        "--plugin",
        str(FAKE),
        "--dataset",
        "blobs",
        "--device",
        "cpu",
        "--seeds",
        "4,5",
        "--queue",
    )
    monkeypatch.setenv("DLTUI_SEED", "1")
    assert main.run(["train", *model]) == 0
    assert main.run(["train", *model[:7], "--name", "first", "--seed", "3", "--lr", "0.25"]) == 0
    assert main.run(["train", "--like", "first", "--seeds", "4,5", "--queue"]) == 0
    assert [seeds for _, seeds in created] == [[4, 5], [4, 5]]
    assert all("seed" not in request.config for request, _ in created)
    assert created[1][0].config["lr"] == 0.25
    assert "--seed" not in created[0][0].command
    capsys.readouterr()
    assert main.run(["train", *model, "--seed", "1"]) == 2
    assert capsys.readouterr().err == "dltui: --seed and --seeds exclude one another\n"
