"""Runs of other hosts on the command line."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.hosts import mirror
from dltui.core.hosts.address import Host
from dltui.core.hosts.link import HostError, Link
from dltui.core.reading.launched import WAITING
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, commands
from dltui.tui.cli.commands import control, runs
from dltui.tui.cli.commands.runs import run_columns
from dltui.tui.cli.follow import closing
from dltui.tui.cli.follow.sending import open_run, order
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


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions to a host that refuses to kill."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    found: list[str] = []

    def ask(self: Link, do: str, seconds: float | None = None, **arguments: Any) -> Any:
        found.append(f"{do} {arguments['attempt']}" if "attempt" in arguments else do)
        if do == "kill":
            raise UsageError("it runs on node7; kill it there")
        return "all of it"

    monkeypatch.setattr(Link, "ask", ask)
    monkeypatch.setattr(near, "link_to", lambda host: Link(Host(host, ("false",))))
    return found


def test_a_run_is_killed_when_its_host_says_so(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(control, "open_run", lambda name: RunReader(mirror.directory("gpu01", "r")))
    assert run(["kill", "gpu01:r", "--yes"]) == 2
    said = capsys.readouterr()
    assert (asked, said.out) == (["kill_cost", "kill"], "")
    assert "node7" in said.err


def test_a_job_that_waits_there_is_taken_out_there(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RunReader(mirror.directory("gpu01", "r"))
    monkeypatch.setattr(reader, "status", lambda: Status("queued", phase=WAITING))
    monkeypatch.setattr(control, "alive_run", lambda name, action: reader)
    assert run(["stop", "gpu01:r"]) == 2
    assert asked == ["kill 0"]


def test_a_command_that_the_host_refuses_is_said(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RunReader(mirror.directory("gpu01", "r"))
    reader.directory.control_dir.mkdir(parents=True)
    claim.write_told(reader.directory.path, claim.Told("gpu01", "running", alive=True, attempt=3))
    refused = []

    def refresh() -> bool:
        for command in commands.take(reader.directory.path):
            commands.refuse(command, "this server only reads")
            refused.append(command.attempt)
        return False

    monkeypatch.setattr(reader, "refresh", refresh)
    with pytest.raises(UsageError, match="gpu01:r takes no pause: this server only reads"):
        order(reader, "pause", {})
    assert refused == [3], "it is meant for the attempt that was seen"
    commands.forget_refusals(reader.directory.path)
    assert list(reader.directory.control_dir.iterdir()) == []


def test_the_times_of_rows_are_by_the_clock_here() -> None:
    row = near._row("gpu01", {"id": "r", "created": 5_000.0, "since": 0})
    assert near._by_our_clock(row, 1_000.0)["created"] == 4_000.0
    assert near._by_our_clock(row, 1_000.0)["since"] == 0


def test_hosts_are_asked_at_once_and_one_that_is_down_costs_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(3, timeout=5)

    def rows(host: str) -> list[dict[str, Any]]:
        together.wait()
        if host != "a":
            raise HostError(f"{host} does not answer: timed out")
        return [near._row("a", {"id": "r", "created": 1.0})]

    monkeypatch.setattr(near, "begin", lambda host: None)
    monkeypatch.setattr(near, "rows", rows)
    assert [row["id"] for row in runs._of_hosts(["a", "b", "c", "b"])] == ["a:r"]
    said = capsys.readouterr().err
    assert ("b does not answer" in said, "c does not answer" in said) == (True, True)
    with pytest.raises(HostError, match="d does not answer"):
        runs._of_hosts(["b", "c", "d"])


def test_a_run_of_another_host_has_its_checkpoints_there() -> None:
    reader = RunReader(mirror.directory("gpu01", "r"))
    reader.told = claim.Told("gpu01", "interrupted")
    reader.history.checkpoints.append({"step": 7, "time": 1.0})
    assert closing.next_step(reader, "interrupted") == ["go on from the last checkpoint: dltui resume gpu01:r"]
