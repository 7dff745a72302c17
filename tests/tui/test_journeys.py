"""Keys on the real pages: what they do, what they say, and that they claim no more than what happened."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import CommandObeyed
from dltui.core.rundir.launch import LaunchRecord
from dltui.core.rundir.log import EventLog
from dltui.tui.base.page import Page
from tests.tui.scenario import NOW, FakeServices, finish, lines, ready, shown, text, until


def notice(app: Any) -> str:
    return lines(app)[-2].strip()


def sent(services: FakeServices, run: str) -> list[dict[str, Any]]:
    """The commands that lie in a run's control folder."""
    folder = RunDirectory(services.root / run).control_dir
    return [{**json.loads(path.read_text()), "id": path.stem} for path in sorted(folder.glob("*.json"))]


def acknowledge(services: FakeServices, run: str, command: dict[str, Any], step: int, action: str = "") -> None:
    """What a worker does when it has obeyed."""
    log = EventLog(RunDirectory(services.root / run).events_path, 1)
    log.append(
        CommandObeyed(command["id"], action or command["action"], command["arguments"], 7, step, "user@gpu01", NOW)
    )
    log.close()


async def test_a_command_is_sent_until_the_worker_has_obeyed(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("p")
        services.now += 2
        await until(pilot, lambda: "pause: sent, waiting for gpu01  2.0 s" in notice(app))
        assert "paused at" not in text(app)
        (command,) = sent(services, "brisk-otter")
        assert command["action"] == "pause"
        acknowledge(services, "brisk-otter", command, 260)
        await until(pilot, lambda: notice(app) == "brisk-otter paused at step 260")


async def test_an_ignored_command_is_not_called_obeyed(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("w")
        (command,) = sent(services, "brisk-otter")
        acknowledge(services, "brisk-otter", command, 260, action="ignored")
        await until(pilot, lambda: "ignored" in notice(app))


async def test_the_device_is_given_back_when_that_is_confirmed(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("G")
        assert notice(app) == "pause brisk-otter, give its device back?   y yes   f until it is free   Esc no"
        await pilot.press("escape")
        assert sent(services, "brisk-otter") == []
        await pilot.press("G", "f")
        (command,) = sent(services, "brisk-otter")
        assert (command["action"], command["arguments"]) == ("pause", {"release": True, "until_free": True})
        assert command["attempt"] == 1


async def test_a_job_that_keeps_its_device_is_not_asked_about(services: FakeServices) -> None:
    launch.write(services.root / "brisk-otter", LaunchRecord("slurm", {}, away=True))
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("G")
        assert "brisk-otter cannot give its device back: it is a job of slurm," in " ".join(lines(app))
        await pilot.press("y")
        assert sent(services, "brisk-otter") == []


async def test_stop_asks_and_escape_says_no(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("s")
        assert notice(app).startswith("stop brisk-otter early and keep everything?")
        await pilot.press("escape")
        assert sent(services, "brisk-otter") == []
        assert app.screen.name_of_page == "Run"  # type: ignore[attr-defined]
        await pilot.press("s", "y")
        assert [command["action"] for command in sent(services, "brisk-otter")] == ["stop"]


async def test_a_learning_rate_is_typed_and_checked(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("l")
        assert notice(app).startswith("new learning rate (↑ x2, ↓ /2) 0.05")
        await pilot.press("1", "1", "enter")
        assert "0 < lr <= 10" in notice(app)
        assert sent(services, "brisk-otter") == []
        await pilot.press("ctrl+u", "0", ".", "0", "2", "enter")
        (command,) = sent(services, "brisk-otter")
        assert command["arguments"] == {"lr": 0.02}


@pytest.mark.parametrize("key", ["p", "s", "w", "l"])
async def test_a_run_that_has_ended_takes_no_commands(services: FakeServices, key: str) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press(key)
        assert "bold-wren is finished: nothing to" in notice(app)
        assert sent(services, "bold-wren") == []


@pytest.mark.parametrize(
    ("key", "asked", "answer", "word"),
    [
        ("l", "new learning rate", (*"0.02", "enter"), "change"),
        ("s", "stop brisk-otter", ("y",), "stop"),
        ("G", "give its device back", ("f",), "pause"),
        ("K", "kill brisk-otter", ("y",), "kill"),
    ],
)
async def test_an_answer_counts_for_the_run_as_it_is_by_then(
    services: FakeServices, key: str, asked: str, answer: tuple[str, ...], word: str
) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        page: Any = app.screen
        await pilot.press(key)
        await until(pilot, lambda: asked in notice(app))
        finish(services, "brisk-otter")
        await until(pilot, lambda: page.view.ended)
        await pilot.press(*answer)
        assert notice(app) == f"brisk-otter is finished: nothing to {word}"
        assert sent(services, "brisk-otter") == services.killed == []


async def test_what_was_sent_to_a_run_that_has_ended_is_not_waited_for(services: FakeServices) -> None:
    """By its id: another run of the same name has ended long ago."""
    RunDirectory(services.root / "bold-wren").set_labels(name="brisk-otter")
    async with shown(services) as (app, pilot):
        page: Any = app.screen
        await pilot.press("p")
        RunDirectory(services.root / "lines-1").set_labels(name="read")
        await until(pilot, lambda: "read" in {run.name for run in page.state.runs})
        page.tick()
        await until(pilot, lambda: "pause: sent, waiting for gpu01" in notice(app))
        finish(services, "brisk-otter")
        await until(pilot, lambda: page.state.known("brisk-otter").status == "finished")
        page.tick()
        await until(pilot, lambda: "waiting" not in notice(app))
        assert page.run_keys.orders.waiting == {}


async def test_a_kill_is_asked_for_with_what_it_costs(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: "lost: last checkpoint 40 s ago, 212 steps" in notice(app))
        await pilot.press("escape")
        assert services.killed == []
        await pilot.press("K")
        await until(pilot, lambda: "y yes" in notice(app))
        await pilot.press("y")
        await until(pilot, lambda: "killed" in notice(app))
        assert (services.killed, services.meant_for) == (["brisk-otter"], [1])


async def test_what_cannot_be_killed_from_here_says_why(services: FakeServices) -> None:
    services.refuses = "brisk-otter runs on gpu02; kill it there, or use: dltui stop"
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("K")
        await until(pilot, lambda: "runs on gpu02" in notice(app))
        await pilot.press("y")
        assert services.killed == []


@pytest.mark.parametrize("key", ["p", "s", "w", "l", "K"])
async def test_a_read_only_viewer_touches_nothing(services: FakeServices, key: str) -> None:
    services.viewer.read_only = True
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press(key)
        assert "read-only" in notice(app)
        assert "read-only" in lines(app)[0]
        assert sent(services, "brisk-otter") == []


async def test_taking_figures_home(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("e")
        line = "scp -r user@gpu01:/home/user/lab/exports/bold-wren ."
        await until(pilot, lambda: notice(app).startswith(line))
        assert notice(app).endswith("(y copies it)")
        await pilot.press("y")
        assert app.clipboard == line
        assert app.closing_lines == [line]


async def test_figures_are_drawn_in_one_round_at_a_time(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, rounds = threading.Event(), []

    def slow(run: RunDirectory) -> Path:
        rounds.append(run.id)
        go_on.wait(10)
        return Path("/figures")

    monkeypatch.setattr(services.exporting, "export", slow)
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: bool(rounds))
        await pilot.press("e")
        assert "are being drawn" in notice(app)
        go_on.set()
        await until(pilot, lambda: "scp -r" in notice(app))
        assert rounds == ["bold-wren"]


async def test_opening_a_run_and_coming_back(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("down", "down", "down", "enter")
        await until(pilot, lambda: ready(app) and "bold-wren" in lines(app)[0])
        await pilot.press("escape")
        await until(pilot, lambda: "8 runs, 3 live" in text(app))
        assert lines(app)[7].startswith("› bold-wren")


async def test_attached_from_the_shell_escape_leads_to_the_list(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("escape")
        await until(pilot, lambda: ready(app) and "8 runs, 3 live" in text(app))


async def test_again_fills_the_form(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("a")
        await until(pilot, lambda: ready(app) and "like bold-wren" in text(app))
        assert "--lr 0.05" in text(app)


async def test_resuming_asks_first(services: FakeServices) -> None:
    async with shown(services, run="cold-yak") as (app, pilot):
        assert "interrupted: the worker was killed at epoch 7, step 20" in text(app)
        services.differs = ("differs: torch 2.14.1 then, 2.15.0 today",)
        await pilot.press("r")
        await until(pilot, lambda: notice(app).startswith("go on with cold-yak?"))
        assert "cold-yak was interrupted: the worker was killed" in text(app)
        assert "restored: all of a01-step-00000240" in text(app)
        assert "differs: torch 2.14.1 then, 2.15.0 today" in text(app)
        assert "goes on to epoch 10; 6 of 10 epochs are done" in text(app)
        await pilot.press("escape")
        assert services.resumed == []
        await pilot.press("r")
        await until(pilot, lambda: notice(app).startswith("go on with cold-yak?"))
        await pilot.press("enter")
        await until(pilot, lambda: services.resumed == [("cold-yak", 0)])
        await until(pilot, lambda: notice(app) == "cold-yak goes on: its worker starts")


async def test_a_finished_run_is_trained_longer(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: "epochs beyond those planned" in notice(app))
        assert "6 of 10 epochs are done; how many more?" in text(app)
        assert "$ dltui resume" not in text(app)
        await pilot.press("escape")
        assert "bold-wren is finished: m adds epochs" in notice(app)
        await pilot.press("m", "0", "enter")
        assert "a whole number from 1 to 10,000" in notice(app)
        await pilot.press("ctrl+u", "3", "enter")
        assert "goes on to epoch 13, 3 more than planned; 6 of 10 epochs are done" in text(app)
        assert "$ dltui resume bold-wren --more-epochs 3" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: services.resumed == [("bold-wren", 3)])


def train_for(services: FakeServices, run: str, time: str) -> None:
    file = services.root / run / "run.json"
    asked = json.loads(file.read_text())
    file.write_text(json.dumps({**asked, "config": {**asked["config"], "max_time": time}}))


@pytest.mark.parametrize("page", ["bold-wren", None])
async def test_a_run_that_trained_for_a_time_is_trained_longer_in_a_fork(
    services: FakeServices, page: str | None
) -> None:
    train_for(services, "bold-wren", "45s")
    async with shown(services, run=page) as (app, pilot):
        if page is None:
            app.screen.state.selected = "bold-wren"  # type: ignore[attr-defined]
            app.screen.redraw()  # type: ignore[attr-defined]
            await until(pilot, lambda: "r more time" in lines(app)[-1])
        assert "r more time" in lines(app)[-1]
        await pilot.press("r")
        await until(pilot, lambda: "train bold-wren in a fork, in all for (it was 45s) 1m30s" in notice(app))
        await pilot.press("3", "0", "s", "enter")
        assert "longer than 45s" in notice(app)
        await pilot.press("ctrl+u", "2", "m", "enter")
        await until(pilot, lambda: services.forked == [("bold-wren", ["max_time=2m"])])
        await until(pilot, lambda: notice(app) == "bold-wren-fork goes on where bold-wren ended, for 2m in all")


async def test_a_run_with_time_left_is_resumed_and_takes_no_epochs(services: FakeServices) -> None:
    train_for(services, "cold-yak", "10m")
    async with shown(services, run="cold-yak") as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: notice(app) == "go on with cold-yak?   Enter yes   Esc no")
        assert "more epochs" not in text(app)
        await pilot.press("m")
        assert notice(app) == "cold-yak trains for 10m, whatever its epochs"


async def test_every_binding_is_in_the_list_of_keys(services: FakeServices) -> None:
    async with shown(services, (100, 90), run="brisk-otter") as (app, pilot):
        page = app.screen
        assert isinstance(page, Page)
        declared = {b.description for b in page._bindings.key_to_bindings.values() for b in b if b.id}
        await pilot.press("question_mark")
        assert declared
        assert all(f" {label} " in text(app) for label in declared)
        await pilot.press("escape")
        assert app.screen is page


async def test_the_palette_does_what_was_typed(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (_, pilot):
        await pilot.press("ctrl+p", *"save", "enter")
        await until(pilot, lambda: bool(sent(services, "brisk-otter")))
        assert sent(services, "brisk-otter")[0]["action"] == "checkpoint"


async def test_ctrl_c_stops_nothing(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("ctrl+c")
        assert "q leaves, runs go on" in notice(app)
        assert app.is_running
        assert sent(services, "brisk-otter") == []


async def test_leaving_says_how_to_come_back(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0
    assert app.last_lines() == ["brisk-otter goes on; back with: dltui attach brisk-otter"]
    assert sent(services, "brisk-otter") == []


async def test_leaving_says_once_what_goes_on_then(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        for _ in range(2):
            for run in ("brisk-otter", "calm-ibis", "bold-wren"):
                app.open_run(RunDirectory(services.root / run))
                await until(pilot, lambda: ready(app))
                await pilot.press("escape")
        await pilot.pause()
        assert len(app.last_lines()) == 2
        finish(services, "brisk-otter")
    assert app.last_lines() == ["calm-ibis goes on; back with: dltui attach calm-ibis"]
    shutil.rmtree(services.root / "calm-ibis")
    assert app.last_lines() == []


async def test_zoom_and_log_scale(services: FakeServices) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        assert "accuracy %" in lines(app)[3]
        await pilot.press("z")
        assert "accuracy %" not in lines(app)[3]
        await pilot.press("j")
        assert lines(app)[3].startswith(" accuracy %")
        await pilot.press("z", "g")
        assert "0.1 ┤" in text(app)


async def test_hostile_text_stays_text(services: FakeServices) -> None:
    nasty = "\x1b]0;owned\x07[bold]x[/bold][/foo]\u202e\x9b2J" + "\ud800"
    for name in ("brisk-otter", "bold-wren"):
        directory = RunDirectory(services.root / name)
        asked = json.loads(directory.run_json.read_text())
        asked |= {"model": nasty, "model_name": nasty, "dataset": nasty, "exports": nasty, "command": [nasty]}
        directory.run_json.write_text(json.dumps(asked))
        directory.worker_log.write_text(nasty, errors="surrogatepass")
    async with shown(services) as (app, pilot):
        assert all(character.isprintable() or character == "\n" for character in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        for key in "12345o":
            await pilot.press(key)
            await pilot.pause(0.3)
            assert all(character.isprintable() or character == "\n" for character in text(app))
        assert "\\x1b]0;owned" in text(app)


@pytest.mark.parametrize("key", ["question_mark", "q"])
async def test_the_key_that_showed_all_keys_hides_them(services: FakeServices, key: str) -> None:
    async with shown(services, run="brisk-otter") as (app, pilot):
        await pilot.press("question_mark")
        await pilot.press(key)
        assert app.screen.name_of_page == "Run"  # type: ignore[attr-defined]
        await pilot.press("ctrl+p", *"qu")
        assert "qu" in notice(app)


async def test_what_was_said_before_another_page_is_not_said_after_it(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        await pilot.press("x")
        assert "curves over steps" in text(app)
        await pilot.press("question_mark", "escape")
        assert "curves over steps" not in text(app)


async def test_too_small_names_the_key_that_leaves(services: FakeServices) -> None:
    async with shown(services, (60, 20)) as (app, _):
        assert "q leaves, runs go on" in text(app)
