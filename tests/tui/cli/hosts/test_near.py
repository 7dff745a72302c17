"""Runs of other hosts on the command line."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.hosts import mirror
from dltui.core.hosts.address import Host
from dltui.core.hosts.fetched import Fetched
from dltui.core.hosts.link import HostError, Link
from dltui.core.lifecycle import trash
from dltui.core.reading.launched import WAITING
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, commands
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli.commands import compare, control, export, resume, runs
from dltui.tui.cli.commands.runs import run_columns
from dltui.tui.cli.follow import closing, follow
from dltui.tui.cli.follow.sending import is_named, open_run, order
from dltui.tui.cli.hosts import near
from dltui.tui.cli.launch import other_host
from dltui.tui.cli.launch.other_host import taken
from dltui.tui.cli.main import run
from tests.helpers.sample_run import make_sample_run


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

    def rows(host: str, facts: bool) -> list[dict[str, Any]]:
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


@pytest.mark.parametrize("words", [["--plugin", "mine.py"], ["--trust"], ["--width", "85mm"], ["--receipt"]])
def test_what_another_host_does_not_get_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setattr(export, "found_run", lambda text: mirror.directory("gpu01", "r"))
    monkeypatch.setattr(near, "export", lambda *_: pytest.fail("it was drawn all the same"))
    assert run(["export", "gpu01:r", *words]) == 2
    told = "dltui: gpu01:r: only figures are fetched; the rest is made there: ssh gpu01 dltui export r ...\n"
    assert capsys.readouterr().err == told


def test_groups_of_two_hosts_are_two_and_are_resumed_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(host: str, facts: bool) -> list[dict[str, Any]]:
        return [
            near._row(host, {"id": f"lab-s{seed}", "group": "lab", "sweep": None, "parent": "old", "seed": seed,
                             "status": "interrupted", "created": 1.0})
            for seed in (1, 2)
        ]  # fmt: skip

    monkeypatch.setattr(near, "begin", lambda host: None)
    monkeypatch.setattr(near, "rows", rows)
    assert run(["runs", "--host", "a", "--host", "b"]) == 0
    said = capsys.readouterr().out
    assert "a:lab (2 seeds)" in said
    assert "b:lab (2 seeds)" in said
    assert "b:lab: 0 of 2 finished, interrupted: ssh b dltui resume lab\n" in said
    assert (rows("a", False)[0]["parent"], rows("a", False)[0]["sweep"]) == ("a:old", None)


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows that a host tells."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    found = [
        {"id": "quick", "created": 2.0, "facts": {"lr": 0.1, "id": "x\x1b"}},
        {"id": "slow", "created": 1.0, "facts": {"lr": 0.001}},
    ]

    def ask(self: Link, do: str, seconds: float | None = None, facts: bool = False) -> Any:
        assert do == "rows"
        return [{key: value for key, value in row.items() if facts or key != "facts"} for row in found]

    monkeypatch.setattr(Link, "ask", ask)
    monkeypatch.setattr(near, "begin", lambda host: None)
    monkeypatch.setattr(near, "link_to", lambda host: Link(Host(host, ("false",))))
    return found


def test_a_filter_finds_hyperparameters_there(listed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    for wanted, ids in (("lr>=0.01", ["a:quick"]), ("-lr>=0.01", ["a:slow"]), ("host:a", ["a:quick", "a:slow"])):
        assert run(["runs", "--host", "a", "--json", "--filter", wanted]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["id"] for row in rows] == ids
        assert "facts" not in rows[0]
    listed[0]["facts"] = [1]
    del listed[1]["facts"]
    assert run(["runs", "--host", "a", "--json", "--filter", "lr>=0.01"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_stopped_run_there_has_its_figures_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = RunReader(mirrored(tmp_path, monkeypatch, "running"))
    reader.status()
    monkeypatch.setattr(control, "alive_run", lambda name, action: reader)
    monkeypatch.setattr(control, "order", lambda *_: {"step": 7})
    assert run(["stop", "gpu01:r"]) == 0
    assert capsys.readouterr().out == (
        "gpu01:r stopped at step 7; figures will be on gpu01; fetch them: dltui export gpu01:r\n"
    )


def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, name: str = "r") -> RunDirectory:
    """The mirror of a run of which its host has told this."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    found = mirror.directory("gpu01", name)
    made = make_sample_run(found.path.parent, run_id=found.id, epochs=1, image=False)
    claim.write_told(made.path, claim.Told("gpu01", status, alive=status == "running"))
    return found


def test_a_run_there_is_deleted_there_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = mirrored(tmp_path, monkeypatch, "finished")
    monkeypatch.setattr(near, "begin", lambda host: pytest.fail("a link"))
    assert run(["rm", "gpu01:r", "--yes"]) == 2
    assert capsys.readouterr().err.endswith("is a run of another host; delete it there: ssh gpu01 dltui rm r\n")
    with pytest.raises(UsageError, match="gpu01:r is a copy; delete the run there: ssh gpu01 dltui rm r"):
        trash.delete(found)
    assert found.run_json.exists()


def test_a_run_here_may_have_a_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    made = make_sample_run(tmp_path / "runs", run_id="brisk-otter", epochs=1, image=False)
    made.set_labels(name="lr:0.1")
    assert open_run("lr:0.1").directory == made
    assert is_named(made, "lr:0.1")


PLAN = {"ended": "interrupted", "restored": "restored: all", "differs": [], "planned": 9, "done": 3}


@pytest.fixture
def resuming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The questions about resuming gpu01:r, after the plan that is told."""
    reader = RunReader(mirrored(tmp_path, monkeypatch, "interrupted"))
    reader.refresh()
    found: list[dict[str, Any]] = []

    def ask(self: Link, do: str, seconds: float | None = None, **arguments: Any) -> Any:
        found.append({"do": do, **arguments})
        return PLAN if do == "resumption" else None

    monkeypatch.setattr(Link, "ask", ask)
    monkeypatch.setattr(near, "link_to", lambda host: Link(Host(host, ("false",))))
    monkeypatch.setattr(resume, "open_run", lambda name: reader)
    return found


def test_a_plan_is_made_for_the_epochs_that_are_asked_for(
    resuming: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["resume", "gpu01:r", "--more-epochs", "5", "--detach"]) == 0
    assert resuming == [{"do": do, "run": "r", "more_epochs": 5} for do in ("resumption", "resume")]
    assert "goes on to epoch 14: 3 of 9 are done\ngpu01:r goes on; watch it" in capsys.readouterr().out


def test_a_damaged_log_there_is_agreed_to(
    resuming: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PLAN, "unknown", "not known: one line of its log")
    assert run(["resume", "gpu01:r", "--detach"]) == 2
    assert [one["do"] for one in resuming] == ["resumption"]
    fork = "begin at that checkpoint in a new run: ssh gpu01 dltui fork r"
    assert capsys.readouterr().err == f"dltui: not known: one line of its log; {fork}\n"
    monkeypatch.setattr(resume, "_goes_on_all_the_same", lambda name: True)
    assert run(["resume", "gpu01:r", "--detach"]) == 0
    assert resuming[-1]["do"] == "resume"


def test_a_host_that_tells_nothing_of_the_next_attempt_is_said(
    resuming: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it told of the attempt before must not be taken for the end of this one."""

    class Silent:
        def refresh(self) -> None:
            raise HostError("gpu01 does not answer in time")

    there = mirror.directory("gpu01", "r")
    monkeypatch.setitem(near._MIRRORS, there, Silent())
    with pytest.raises(HostError, match="gpu01:r goes on, and gpu01 has not told how yet; watch it with: dltui attach"):
        near.resume(there, 0)


def test_figures_are_named_once_they_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = mirrored(tmp_path, monkeypatch, "finished")
    (tmp_path / "exports" / "gpu01-r").mkdir(parents=True)
    old = tmp_path / "exports" / "gpu01-r" / "old.svg"
    old.write_text("of an older fetch")
    new = Fetched(old.parent, [old.parent / "new.svg"])
    monkeypatch.setattr(near, "link_to", lambda host: Link(Host(host, ("false",))))
    monkeypatch.setattr(near, "fetch_figures", lambda *_, **__: new)
    for fetched, files in ((True, []), (False, [[]])):
        assert follow.follow(found, "json", fetched=fetched) == 0
        said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["files"] for line in said if line["type"] == "exported"] == files
    near.fetch_if_over(found, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said == {"type": "exported", "id": "gpu01:r", "status": "finished", "files": [str(new.files[0])]}
    assert follow.follow(found, "plain", fetched=True) == 0
    assert "old.svg" not in capsys.readouterr().out
    near.fetch_if_over(found, as_json=False)
    assert capsys.readouterr().out == f"figures and tables, fetched from gpu01, in {new.folder}:\n  new.svg\n"
    (found.path / "figures.json").write_text("{}")
    assert follow.follow(found, "plain") == 0
    assert capsys.readouterr().out.endswith("figures and tables are on gpu01; fetch them: dltui export gpu01:r\n")


def test_a_stream_has_its_last_line_where_figures_cannot_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(*_: object, **__: object) -> Fetched:
        raise HostError("gpu01 does not answer: cut")

    found = mirrored(tmp_path, monkeypatch, "finished")
    monkeypatch.setattr(near, "link_to", lambda host: Link(Host(host, ("false",))))
    monkeypatch.setattr(near, "fetch_figures", fetch)
    for as_json in (True, False):
        with pytest.raises(HostError, match="cut"):
            near.fetch_if_over(found, as_json)
        said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        exported = {"type": "exported", "id": "gpu01:r", "status": "finished", "files": []}
        assert said == ([exported] if as_json else [])


@pytest.mark.parametrize("status", ["finished", "stopped"])
def test_a_series_has_the_exit_code_of_its_runs_where_its_host_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    def lost(host: str) -> Any:
        raise HostError(f"{host} does not answer: cut")

    started = [mirrored(tmp_path, monkeypatch, status, name) for name in ("r1", "r2")]
    monkeypatch.setattr(near, "link_to", lost)
    monkeypatch.setattr(near, "train", lambda host, words: started)
    monkeypatch.setattr(other_host, "_follower", lambda style: lambda run: 4)
    assert run(["train", "--host", "gpu01", "cnn-torch", "--seeds", "1,2"]) == 4
    said = capsys.readouterr().err
    assert said == "dltui: gpu01 does not answer: cut\n" * (2 if status == "stopped" else 1)


def test_the_full_screen_of_a_run_there_knows_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RunReader(mirrored(tmp_path, monkeypatch, "running"))
    opened: list[dict[str, Any]] = []
    monkeypatch.setattr("dltui.tui.full_screen.run_app", lambda **words: opened.append(words) or 0)
    assert follow._full_screen(reader) == 0
    assert opened == [{"open_run": "gpu01:r", "hosts": ["gpu01"]}]


def test_predictions_are_brought_before_runs_are_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[str] = []

    class Kept:
        def refresh(self, large: bool) -> None:
            brought.append("predictions")

    reader = RunReader(mirrored(tmp_path, monkeypatch, "finished"))
    monkeypatch.setitem(near._MIRRORS, reader.directory, Kept())
    monkeypatch.setattr("dltui.core.analysis.paired.pair", lambda *readers: brought.append("paired"))
    compare._paired([reader, reader])
    assert brought == ["predictions", "predictions", "paired"]


def test_what_can_be_tried_is_tried_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    found = mirror.directory("gpu01", "r")
    make_sample_run(found.path.parent, run_id=found.id, epochs=1, image=False, status="failed")
    reader = RunReader(found)
    reader.refresh()
    assert "try lr 0.005: ssh gpu01 dltui fork r --lr 0.005" in closing.next_step(reader, "failed")
