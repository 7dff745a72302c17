"""`dltui train --like RUN` is recorded as what it stands for, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
