"""The far side is asked by another host: it gives what it knows by name, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dltui.core import paths
from dltui.core.errors import RunError
from dltui.core.hosts import files
from dltui.core.hosts.serve import Server
from dltui.core.lifecycle import resume, trust
from dltui.core.lifecycle.launch import launching
from dltui.core.machine.devices import Device
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import commands, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import CommandObeyed, Logged, RunEnded
from dltui.core.rundir.log import EventLog
from dltui.core.worker import figures
from dltui.tui.base.hosts.far_summary import from_json
from dltui.tui.base.services import Services
from dltui.tui.base.services.new_runs import Starting
from dltui.tui.cli.hosts import device_looks
from dltui.tui.cli.hosts.answers import READ_ONLY, SLOW, Answers
from dltui.tui.cli.hosts.device_looks import DeviceLooks
from tests.helpers.far import Questions, serving, wait_for
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


def test_a_run_that_is_finished_does_not_begin_again(far: Questions, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    monkeypatch.setattr(Starting, "resume", lambda self, run, more_epochs: started.append(more_epochs))
    said = far.ask("resume", run="bold-wren", more_epochs=0)
    assert said.startswith("bold-wren is finished: nothing to resume; train more epochs with: ")
    assert far.ask("resume", run="bold-wren", more_epochs=3) is None
    assert started == [3]


def test_a_plan_is_that_of_the_epochs_that_are_asked_for(far: Questions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen asks before they are chosen."""
    asked: list[int] = []

    def prepare(reader: RunReader, catalog: None, more_epochs: int) -> resume.Resumption:
        asked.append(more_epochs)
        return resume.Resumption("finished", "", (), 1, 1)

    monkeypatch.setattr(trust, "catalog", lambda run: None)
    monkeypatch.setattr(trust, "replaced", lambda run, catalog: {})
    monkeypatch.setattr(resume, "prepare", prepare)
    for more in ({"more_epochs": 5}, {"more_epochs": 0}, {}):
        assert far.ask("resumption", run="bold-wren", **more)["planned"] == 1
    assert asked == [5, 0, 1]


def test_launchers_are_asked_where_their_runs_are(far: Questions, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks from another host cannot ask them."""
    asked: list[str] = []

    def refresh_all(runs: Iterable[tuple[RunDirectory, Status]]) -> bool:
        asked.extend(f"list {run.id} {status.name}" for run, status in runs)
        return True

    monkeypatch.setattr(launching, "refresh", lambda run, status: asked.append(f"{run.id} {status.name}"))
    monkeypatch.setattr(launching, "refresh_all", refresh_all)
    make_sample_run(home / "runs", status="queued", run_id="calm-ibis")
    log = {"at": 0, "tail": 0, "crc": 0}
    status = far.ask("pull", run="calm-ibis", log=log)["told"]["status"]
    assert asked.pop() == f"calm-ibis {status}"
    assert [row["id"] for row in far.ask("rows")] == ["calm-ibis", "bold-wren"]
    assert asked == [f"list calm-ibis {status}"]


def test_a_job_that_was_preempted_may_wait_for_its_next_attempt(
    far: Questions, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = [Status("preempted"), Status("queued")]
    monkeypatch.setattr(RunReader, "status", lambda self: statuses.pop(0))
    monkeypatch.setattr(launching, "refresh_all", lambda runs: True)
    assert far.ask("pull", run="bold-wren", log={"at": 0, "tail": 0, "crc": 0})["told"]["status"] == "queued"


def test_rows_have_what_filters_find_where_it_is_asked_for(far: Questions) -> None:
    (row,) = far.ask("rows", facts=True)
    assert (row["facts"]["lr"], row["facts"]["optimizer"], row["facts"]["id"]) == (0.05, "sgd", "bold-wren")
    (row,) = far.ask("rows")
    assert "facts" not in row


def with_exports(home: Path) -> tuple[RunDirectory, Path]:
    """The run, whose figures go to a folder of this test."""
    run = RunDirectory(home / "runs" / "bold-wren")
    folder = home / "exports" / "bold-wren"
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"exports": str(folder)}))
    folder.parent.mkdir()
    return run, folder


def test_only_what_exporters_have_made_is_given(far: Questions, home: Path) -> None:
    run, folder = with_exports(home)
    folder.mkdir()
    for name in ("a.svg", "model.onnx", "model.json", "predict.py", "notes.txt"):
        (folder / name).write_text("x")
    assert far.ask("figures", run="bold-wren")["files"] == {"a.svg": 1, "notes.txt": 1}, "an older run does not say"
    notes.figures_done(run, folder, [folder / "a.svg", folder / "gone.svg"])
    assert far.ask("figures", run="bold-wren")["files"] == {"a.svg": 1}
    assert far.ask("figure", run="bold-wren", file="a.svg", at=0)["text"] == "x"
    assert far.ask("figure", run="bold-wren", file="notes.txt", at=0) == "no such figure"


def test_figures_that_their_folder_refuses_are_drawn_elsewhere(
    far: Questions, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(arguments: list[str]) -> figures.Ended:
        Path(arguments[arguments.index("--to") + 1], "a.svg").write_text("x")
        return figures.Ended(0, "", "")

    monkeypatch.setattr(figures, "start", start)
    _, shut = with_exports(home)
    shut.write_text("a file")
    found = far.ask("export", run="bold-wren", formats=["svg"])
    assert found == {"folder": str(paths.cache_dir() / "figures" / "bold-wren"), "files": {"a.svg": 1}}
    assert far.ask("figure", run="bold-wren", file="a.svg", at=0)["text"] == "x"
    shutil.rmtree(paths.cache_dir() / "figures")
    (paths.cache_dir() / "figures").write_text("a file, too")
    said = far.ask("export", run="bold-wren")
    assert said == f"bold-wren: neither its folder for figures nor {found['folder']} can be written"


def test_devices_that_hang_hold_up_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_looks, "PATIENCE", 0.2)
    monkeypatch.setattr(device_looks, "SECONDS", 0.0)
    over, begun = threading.Event(), []

    def look() -> list[Device]:
        begun.append(1)
        over.wait(20)
        return [Device("cpu", "CPU")]

    looks = DeviceLooks(look)
    for _ in range(3):
        with pytest.raises(RunError, match="its devices do not answer"):
            looks.latest()
    assert len(begun) == 1, "one look at a time"
    over.set()
    assert wait_for(lambda: looks._seen)[0]["name"] == "cpu"
    over.clear()
    assert [one["name"] for one in looks.latest()] == ["cpu"], "what was seen before"
    over.set()


def test_devices_that_cannot_be_listed_say_why() -> None:
    def look() -> list[Device]:
        raise OSError("driver\x1b is gone")

    with pytest.raises(RunError, match=r"its devices cannot be listed: driver\\x1b is gone"):
        DeviceLooks(look).latest()


def test_a_worker_that_has_not_begun_to_draw_is_at_work(far: Questions, home: Path) -> None:
    """Else whoever follows the run fetches its figures before there are any."""
    run = make_sample_run(home / "runs", status="running", run_id="calm-ibis")
    log = EventLog(run.events_path, 1)
    log.append(RunEnded("finished", "all epochs done", None, 6, 240, 9.0, 4.5, "ff"))
    log.close()
    told = far.ask("pull", run="calm-ibis", log={"at": 0, "tail": 0, "crc": 0})["told"]
    assert (told["status"], told["alive"]) == ("finished", True)
    assert far.ask("pull", run="bold-wren", log={"at": 0, "tail": 0, "crc": 0})["told"]["alive"] is False
