"""Keys of the list of runs: filter, sort, mark, rename, tag, note, delete and undo."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.line_edit import LONGEST
from dltui.tui.terminal.typed import Typed
from tests.tui.scenario import FakeServices, lines, shown, text, until


@pytest.fixture(autouse=True)
def home(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs lie in the home itself: only those may be deleted."""
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))


def names(app: Any) -> list[str]:
    return [line.name.strip() for line in app.screen.state.lines]


async def test_the_marked_are_taken_home_together(services: FakeServices) -> None:
    """One that cannot be drawn does not keep the others from it; `y` copies the line, or the command of another run."""
    async with shown(services, (200, 50)) as (app, pilot):
        chosen = [line.id for line in app.screen.state.lines if line.epochs_done and not line.members][:3]
        for run in chosen:
            app.screen.state.selected = run
            await pilot.press("space")
        services.broken = {chosen[1]}
        await pilot.press("e")
        await until(pilot, lambda: "the disk is full; the other 2: scp -r" in text(app))
        line = app.screen.run_keys.to_copy[1]
        assert [f"/{run} " in f"{line} " for run in chosen] == [True, False, True]
        await pilot.press("escape", "y")
        assert app.clipboard in (line, app.screen.state.run.command)


async def test_a_line_that_takes_home_is_that_runs_own(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        app.screen.state.selected = "bold-wren"
        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.run_keys.to_copy[1]))
        await pilot.press("y")
        assert app.clipboard.startswith("scp -r user@gpu01:")
        await pilot.press("down", "y")
        assert app.clipboard == app.screen.state.run.command


async def test_a_line_that_takes_home_is_of_the_run_that_was_drawn(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the cursor is when it comes."""
    go_on, export = threading.Event(), services.exporting.export

    def slow(run: RunDirectory) -> Path:
        go_on.wait(10)
        return export(run)

    monkeypatch.setattr(services.exporting, "export", slow)
    async with shown(services) as (app, pilot):
        app.screen.state.selected = "bold-wren"
        await pilot.press("e", "down")
        go_on.set()
        await until(pilot, lambda: "scp -r" in text(app))
        assert "y copies it" not in text(app)
        await pilot.press("y")
        assert app.clipboard == app.screen.state.run.command
        await pilot.press("up", "y")
        assert app.clipboard == "scp -r user@gpu01:/home/user/lab/exports/bold-wren ."


async def test_another_task_does_not_forget_the_line_that_takes_home(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        app.screen.state.selected = "bold-wren"
        await pilot.press("e")
        await until(pilot, lambda: "y copies it" in text(app))
        await pilot.press("N", *"best", "enter")
        await until(pilot, lambda: "note kept" in text(app))
        await pilot.press("y")
        assert app.clipboard.startswith("scp -r user@gpu01:")


async def test_a_filter_works_with_each_key_and_escape_takes_it_back(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("slash", *"status:failed")
        assert names(app) == ["wild-moth"]
        await pilot.press("escape")
        assert len(names(app)) == 8
        await pilot.press("slash", *"-model:cnn", "enter")
        assert names(app) == ["lines-1"]
        assert "1 shown: -model:cnn" in lines(app)[0]
        await pilot.press("escape")
        assert len(names(app)) == 8


async def test_what_matches_nothing_says_why_and_what_to_do(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("slash", *"lrr>1", "enter")
        assert "No run matches.  no run has lrr; did you mean lr?" in text(app)
        assert "Esc  shows all runs" in text(app)
        await pilot.press("d", "R", "space", "enter")
        assert len(services.runs.all()) == 8


async def test_a_wrong_filter_is_told_and_changes_nothing(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("slash", *"lr>fast", "enter")
        assert "wants a number" in lines(app)[-2]
        await pilot.press("escape")
        assert len(names(app)) == 8


async def test_sorting_goes_round(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        newest = names(app)
        await pilot.press("o", "o")
        assert "sorted by name" in lines(app)[-2]
        assert names(app) == sorted(newest)
        await pilot.press("o", "o", "o", "o")
        assert names(app) == newest


async def test_a_run_is_renamed_tagged_and_noted(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        run = RunDirectory(services.root / app.screen.state.selected)
        await pilot.press("R", "ctrl+u", *"best yet", "enter")
        await until(pilot, lambda: "best yet" in names(app))
        await pilot.press("number_sign", *"#thesis draft", "enter")
        await until(pilot, lambda: "#thesis #draft" in text(app))
        await pilot.press("N", *"figure 3", "enter")
        await until(pilot, lambda: "figure 3" in text(app))
        assert run.labels() == {"name": "best yet", "tags": ["thesis", "draft"], "note": "figure 3"}


async def test_marked_runs_are_deleted_and_brought_back_together(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("slash", *"-status:running -status:paused -status:starting", "enter", "space", "space")
        marked = list(app.screen.state.choice.marked)
        await pilot.press("d")
        await until(pilot, lambda: len(services.runs.all()) == 6 and "u brings them back" in lines(app)[-2])
        assert not set(marked) & {run.id for run in services.runs.all()}
        await pilot.press("u")
        await until(pilot, lambda: len(services.runs.all()) == 8 and len(names(app)) == 5)
        await until(pilot, lambda: app.screen.state.line is not None and app.screen.state.line.id == marked[0])
        await pilot.press("d")
        await until(pilot, lambda: len(services.runs.all()) == 7)
        await pilot.press("u")
        await until(pilot, lambda: len(services.runs.all()) == 8)
        await pilot.press("u")
        await until(pilot, lambda: "nothing was deleted since you came" in lines(app)[-2])


async def test_a_live_run_is_not_deleted(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("d")
        assert "s stops it first" in lines(app)[-2]
        assert len(services.runs.all()) == 8


@pytest.mark.parametrize("key", ["d", "R", "number_sign", "N", "f"])
async def test_a_viewer_that_only_looks_changes_nothing(services: FakeServices, key: str) -> None:
    services.viewer.read_only = True
    async with shown(services) as (app, pilot):
        await pilot.press("end", key)
        assert "read-only" in lines(app)[-2]
        assert len(services.runs.all()) == 8


async def test_a_filter_by_host_finds_what_only_starts(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        starting = [run for run in app.screen.state.runs if run.status == "starting" and run.host]
        assert starting
        assert all(run.facts["host"] == run.host for run in app.screen.state.runs if run.host)
        await pilot.press("slash", *f"host:{starting[0].host} status:starting", "enter")
        assert names(app) == [starting[0].name.strip()]


async def test_a_paste_that_comes_as_keys_is_taken_at_once(services: FakeServices) -> None:
    """A hundred thousand letters from a terminal without bracketed paste."""
    async with shown(services) as (app, pilot):
        await pilot.press("slash")
        begin = time.process_time()
        for _ in range(25):
            app.post_message(Typed("x" * 4_000))
        await until(pilot, lambda: len(app.screen.state.filter) == LONGEST)
        assert time.process_time() - begin < 5
        await pilot.press("ctrl+u", *"lr>0", "enter")
        assert app.screen.state.filter == "lr>0"


@pytest.mark.parametrize("kind", [Typed, Paste])
async def test_pasted_letters_are_no_commands(services: FakeServices, kind: type[Typed | Paste]) -> None:
    async with shown(services) as (app, pilot):
        await pilot.press("end")
        app.post_message(kind("dyd" * 10))
        await until(pilot, lambda: "what was pasted is no command" in lines(app)[-2])
        assert len(services.runs.all()) == 8
        app.post_message(Typed("/model:cnn dataset:digits"))
        await until(pilot, lambda: app.screen.state.filter == "model:cnn dataset:digits")
