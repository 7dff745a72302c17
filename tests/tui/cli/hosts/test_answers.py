"""The far side is asked by another host: it gives what it knows by name, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dltui.core.hosts import files
from dltui.core.hosts.serve import Server
from dltui.core.rundir import commands
from dltui.core.rundir.events import CommandObeyed, Logged
from dltui.core.rundir.log import EventLog
from dltui.tui.base.hosts.far_summary import from_json
from dltui.tui.base.services import Services
from dltui.tui.cli.hosts.answers import READ_ONLY, SLOW, Answers
from tests.helpers.far import Questions, serving
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: writing a run takes half a second."""
    home = tmp_path_factory.mktemp("made")
    make_sample_run(home / "runs", run_id="bold-wren", epochs=1)
    (home / "secret").write_text("a secret")
    return home


@pytest.fixture
def home(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def far(home: Path) -> Iterator[Questions]:
    with serving(Server(Answers(Services()).operations(), SLOW)) as found:
        yield found


def test_it_says_who_it_is_and_that_it_lives(far: Questions) -> None:
    assert far.hello["dltui"] == "serve-stdio"
    assert far.hello["protocol"] == 1
    assert far.ask("ping") == {}


def test_it_lists_what_changed_and_what_is_gone(far: Questions, home: Path) -> None:
    (one,) = far.ask("list", all=True)["runs"]
    summary = from_json("gpu01", one)
    assert summary is not None
    assert (summary.id, summary.status, summary.host) == ("gpu01:bold-wren", "finished", "gpu01")
    assert summary.directory.id == summary.id
    assert far.ask("list") == {"runs": [], "gone": []}
    shutil.copytree(home / "runs" / "bold-wren", home / "runs" / "calm-ibis")
    assert [run["id"] for run in far.ask("list")["runs"]] == ["calm-ibis"]
    (home / "runs" / "calm-ibis").rename(home / "moved")
    assert far.ask("list") == {"runs": [], "gone": ["calm-ibis"]}


HOSTILE = ("../secret", "/etc/passwd", "..", ".", "", "a/b", "bold-wren/../../x", "a\0b", "-rf", "x" * 300, None, 7, [])


def test_no_name_of_a_run_leads_out_of_the_folder(far: Questions, home: Path) -> None:
    before = sorted(home.rglob("*"))
    for name in HOSTILE:
        for do in ("pull", "stamps", "send", "kill", "kill_cost", "label", "export", "figures", "resume", "resumption"):
            log = {"at": 0, "tail": 0, "crc": 0}
            found = far.ask(do, run=name, action="stop", arguments={}, log=log, more_epochs=0)
            assert isinstance(found, str), (do, name, found)
            assert "a secret" not in found
            assert "\n" not in found
    assert sorted(home.rglob("*")) == before


def test_only_known_files_are_given(far: Questions) -> None:
    for name in ("../secret", "secrets.json", "run.json", "predictions/../run.json", "/etc/passwd", 3):
        assert isinstance(far.ask("large", run="bold-wren", file=name, at=0), str)
        assert isinstance(far.ask("figure", run="bold-wren", file=name, at=0), str)


def test_a_link_in_a_run_is_not_followed(far: Questions, home: Path) -> None:
    run = home / "runs" / "bold-wren"
    for name in ("labels.json", "events.jsonl"):
        (run / name).unlink()
        (run / name).symlink_to(home / "secret")
    (run / "predictions").rename(run / "moved")
    (run / "predictions").symlink_to(home)
    found = far.ask("pull", run="bold-wren", log={"at": 0, "tail": 0, "crc": 0}, known={}, printed=0)
    assert "labels.json" not in found["files"]
    assert found["log"]["size"] == 0
    assert far.ask("stamps", run="bold-wren") == {"stamps": {}}
    assert "a secret" not in json.dumps(found)


def test_secrets_are_never_given(far: Questions, home: Path) -> None:
    (home / "runs" / "bold-wren" / "secrets.json").write_text('{"loggers": ["key"]}')
    found = far.ask("pull", run="bold-wren", log={"at": 0, "tail": 0, "crc": 0}, known={}, printed=0)
    assert set(found["files"]) <= set(files.SMALL)
    assert "secrets.json" not in files.SMALL + files.LARGE


def test_a_command_is_left_once_under_the_id_of_its_sender(far: Questions, home: Path) -> None:
    name = f"{1:020d}-00000000"
    asked = {"run": "bold-wren", "action": "set", "arguments": {"lr": 0.1}, "by": "ann@laptop", "command": name}
    assert far.ask("send", **asked) == name
    assert far.ask("send", **asked) == name
    (found,) = commands.take(home / "runs" / "bold-wren")
    assert (found.id, found.by, found.arguments) == (name, "ann@laptop", {"lr": 0.1})


def test_a_command_that_was_obeyed_long_ago_is_not_left_again(far: Questions, home: Path) -> None:
    """Its sender asks again when the link was cut before the answer."""
    name, run = f"{1:020d}-00000000", home / "runs" / "bold-wren"
    log = EventLog(run / "events.jsonl", 1)
    log.append(CommandObeyed(name, "pause", {}, 1, 1, "ann@laptop", 1.0))
    for _ in range(300):
        log.append(Logged("info", "x" * 1_000))
    log.close()
    assert far.ask("send", run="bold-wren", action="pause", arguments={}, by="ann@laptop", command=name) == name
    assert commands.take(run) == []


def test_a_command_to_an_attempt_that_has_ended_is_refused(far: Questions, home: Path) -> None:
    """It was left in a mirror before the link was cut, and is brought when another attempt lives."""
    run = make_sample_run(home / "runs", status="running", run_id="calm-ibis")
    live = run.path / "live.json"
    live.write_text(json.dumps(json.loads(live.read_text()) | {"attempt": 2}))
    asked = {"run": "calm-ibis", "action": "stop", "arguments": {}, "by": "ann@laptop"}
    assert far.ask("send", **asked, attempt=1) == "it was meant for attempt 1, this is attempt 2"
    assert far.ask("kill", run="calm-ibis", attempt=1) == (
        "calm-ibis was not killed: it was meant for attempt 1, this is attempt 2"
    )
    assert far.ask("kill", run="calm-ibis", attempt=commands.NOT_BEGUN) == (
        "calm-ibis was not killed: it was meant for a job that had not begun, this is attempt 2"
    )
    assert far.ask("send", **asked, attempt="x").startswith("attempt must be a whole number")
    assert commands.take(run.path) == []
    assert commands.is_id(far.ask("send", **asked, attempt=2))
    assert commands.is_id(far.ask("send", **asked))
    assert [command.attempt for command in commands.take(run.path)] == [2, None]


def test_a_command_that_no_worker_obeys_is_refused(far: Questions, home: Path) -> None:
    refused: tuple[dict[str, Any], ...] = (
        {"action": "rm"},
        {"action": "kill"},
        {"action": "set", "arguments": {"lr": -1}},
        {"action": "set", "arguments": []},
        {"action": "stop", "command": "../../x"},
        {"action": "stop", "by": 7},
    )
    for more in refused:
        assert isinstance(far.ask("send", run="bold-wren", **{"arguments": {}, **more}), str)
    assert commands.take(home / "runs" / "bold-wren") == []


def test_words_that_start_nothing_are_refused(far: Questions) -> None:
    for words in (None, "softmax", [1], ["x" * 5000], ["a\0b"], ["softmax-torch", "--debug"]):
        assert isinstance(far.ask("train", words=words), str)


def test_what_it_does_not_know_it_says_in_a_line(far: Questions) -> None:
    for do in ("rm", "__init__", None, 7, [], {}, "operations", "a\x1b[2J"):
        found = far.ask(do)
        assert "does not know" in found
        assert "\x1b" not in found
    assert far.ask("ping") == {}


def test_a_name_leads_to_a_run_and_a_path_does_not(far: Questions, home: Path) -> None:
    assert far.ask("find", name="bold") == "bold-wren"
    assert far.ask("find", name="") == "bold-wren"
    assert "not by a path" in far.ask("find", name=str(home / "runs" / "bold-wren"))


def test_a_server_that_only_reads_changes_nothing(home: Path) -> None:
    with serving(Server(Answers(Services(read_only=True), True).operations(), SLOW, True)) as far:
        assert far.hello["read_only"] is True
        assert far.ask("list", all=True)["runs"]
        for do in ("send", "kill", "label", "export", "resume", "resumption", "fork", "train"):
            assert far.ask(do, run="bold-wren", action="stop", arguments={}, words=[]) == READ_ONLY


def test_a_line_that_is_no_question_ends_it(far: Questions) -> None:
    os.write(far._write, b"nonsense\n")
    with pytest.raises(EOFError):
        far.ask("ping")
