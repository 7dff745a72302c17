"""Runs of other hosts on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.tui.cli.commands.runs import run_columns
from dltui.tui.cli.follow.sending import open_run
from dltui.tui.cli.hosts import near
from dltui.tui.cli.launch.other_host import taken
from dltui.tui.cli.main import run


def test_who_talks_to_an_agents_server_does_not_choose_where_ssh_leads(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runs of other hosts are not reached from here: gpu01:r"):
        open_run("gpu01:r")


HOSTILE: dict[str, Any] = {
    "id": "../x\x1b[2J", "name": ["a"], "status": "running\x07", "best": "high", "epoch": "9", "epochs": None,
    "created": True, "test": {"accuracy\x1b": "x", "loss": 0.1}, "tags": "abc", "seed": 10**400, "device": "cuda:1",
}  # fmt: skip


def test_a_row_of_another_host_has_what_lists_expect() -> None:
    row = near._row("gpu01", HOSTILE)
    assert "\x1b" not in repr(row)
    assert (row["best"], row["epoch"], row["created"], row["seed"], row["tags"]) == (None, 0, None, None, [])
    assert row["test"] == {"accuracy\\x1b": None, "loss": 0.1}
    assert "gpu01:1" in run_columns(row, 0.0)


@pytest.mark.parametrize(
    ("words", "host", "rest"),
    [
        (["cnn", "--host", "a", "--lr", "1"], "a", ["cnn", "--lr", "1"]),
        (["--host=a", "cnn"], "a", ["cnn"]),
        (["cnn", "--host"], "", ["cnn"]),
        (["cnn"], None, ["cnn"]),
    ],
)
def test_the_host_is_taken_out_of_a_command_line(words: list[str], host: str | None, rest: list[str]) -> None:
    assert taken(words) == (host, rest)


def test_a_run_has_one_host() -> None:
    with pytest.raises(UsageError, match="one --host"):
        taken(["--host", "a", "--host", "b"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--host", "-oX=y", "cnn-torch"], 'no host "-oX=y"'),
        (["train", "--host", "gpu01", "cnn-torch", "--debug"], "--debug does not go with --host"),
        (["runs", "--host", "a;b"], 'no host "a;b"'),
        (["--host", "gpu01", "runs"], "--host comes after the command"),
        (["attach", "--host", "a b"], 'no host "a b"'),
    ],
)
def test_a_wrong_use_is_said_in_a_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1


def test_paths_are_told_to_be_paths_there() -> None:
    assert near._names_files(["cnn", "--dataset", "folder:pets"])
    assert near._names_files(["cnn", "--plugin=net.py"])
    assert near._names_files(["cnn", "--data", "path=/x/y"])
    assert not near._names_files(["cnn-torch", "--dataset", "fashion-mnist", "--lr", "0.1"])
