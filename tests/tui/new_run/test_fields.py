"""What is typed into the form: where letters begin it, what ends it, and what becomes of a paste."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste

from dltui.tui.base.threads import Failed
from dltui.tui.new_run import gone
from dltui.tui.new_run.finding import Asked, BatchFound
from dltui.tui.new_run.state import FormState
from tests.tui.new_run.test_model_search import with_families
from tests.tui.new_run.test_path_field import DOWN_TO_OWN, type_path
from tests.tui.scenario import FakeServices, lines, shown, text, until

TO_NAME = ("tab", "tab", "tab", "up")
REFUSED = "what was pasted is no command"


async def paste(app: Any, pilot: Any, words: str) -> None:
    app.post_message(Paste(words))
    await pilot.pause()


async def test_any_letter_begins_a_text_and_none_is_a_command(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*TO_NAME)
        assert page.state.setting.spec.name == "name"
        footer = lines(app)[-1]
        assert "letters type" in footer
        assert "queue" not in footer
        assert "try" not in footer
        await pilot.press(*"fold1q")
        assert page.state.edit.text == "fold1q"
        await pilot.press("enter")
        assert "--name fold1q" in text(app)
        await pilot.press("down")
        assert "queue" in lines(app)[-1]
        await pilot.press("5")
        assert "queue" not in lines(app)[-1], "while a number is typed, either"
    assert services.queued == services.started == []


async def test_help_is_a_key_away_on_a_text(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await pilot.press(*TO_NAME, "question_mark")
        assert app.screen.name_of_page == "All keys"  # type: ignore[attr-defined]


async def test_with_a_path_of_ones_own_f_queues(services: FakeServices, tmp_path: Path) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN)
        assert "type a path" in lines(app)[-1]
        assert "queue" not in lines(app)[-1]
        await pilot.press("escape")
    async with shown(services, new=True) as (app, pilot):
        page = app.screen
        await type_path(pilot, str(tmp_path))
        assert "f queue" in lines(app)[-1]
        await pilot.press("c")
        assert page.path_field.edit is None
        await pilot.press("f")
        await until(pilot, lambda: bool(services.queued))
    assert services.queued[0].dataset == f"folder:{tmp_path}"


async def test_page_keys_stay_in_a_path_and_shift_tab_takes_it(services: FakeServices, tmp_path: Path) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN, "enter", "pageup", "pagedown")
        assert page.state.group == "dataset"
        assert page.path_field.edit is not None
        await paste(app, pilot, str(tmp_path))
        await pilot.press("shift+tab")
        assert page.path_field.edit is None
        assert page.state.group == "device"
        assert page.state.form.dataset_name == f"folder:{tmp_path}"


async def test_a_path_that_is_refused_is_not_left(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN, "enter", *"nonsense", "shift+tab")
        await until(pilot, lambda: "is not a path" in text(app))
        assert page.state.group == "dataset"
        assert page.path_field.edit.text == "nonsense"


async def test_shift_tab_leaves_a_search(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.catalog, "load", with_families)
    monkeypatch.setattr(services.catalog, "members", lambda catalog: [])
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("slash", *"soft", "shift+tab")
        assert page.model_search.edit is None
        assert page.state.group == "settings"


async def test_what_fails_meanwhile_does_not_move_the_cursor_of_a_typed_text(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press(*DOWN_TO_OWN, "enter", *"pet")
        page.post_message(Failed("start", "out of memory: try --batch-size 64"))
        await until(pilot, lambda: "out of memory" in text(app))
        assert page.state.group == "dataset"
        await pilot.press("escape")
        page.post_message(Failed("start", "out of memory: try --batch-size 64"))
        await until(pilot, lambda: page.state.group == "settings")
        assert page.state.setting.spec.name == "batch_size"


async def test_a_value_that_is_typed_stays_in_its_row_when_another_is_meant(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        state: FormState = page.state
        await pilot.press("tab", "tab", "tab", "down", *"0.3")
        assert state.form is not None
        state.show(next(row for row in state.form.settings() if row.spec.name == "batch_size"))
        assert state.form.typed == {"model:lr": "0.3"}
        assert state.edit is None


async def test_what_was_found_is_proposed_after_typing(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("tab", "tab", "tab", "down", *"0.0")
        page.post_message(BatchFound(Asked.of(page.state.form), 4096, "13 steps an epoch"))
        await pilot.pause()
        await pilot.press("5", "enter")
        assert page.state.form.typed == {"model:lr": "0.05"}
        await until(pilot, lambda: page.notice.asking)
        await pilot.press("enter")
        assert page.state.form.typed == {"model:lr": "0.05", "model:batch_size": "4096"}


async def test_a_paste_begins_what_its_first_letter_begins(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await paste(app, pilot, "resnet18")
        assert REFUSED in text(app), "in the list of models"
        await pilot.press("tab", "tab", "tab")
        await paste(app, pilot, "many")
        assert REFUSED in text(app), "a number"
        assert page.state.edit is None
        await paste(app, pilot, "12\n")
        assert page.state.edit.text == "12"
        await pilot.press("enter", "up")
        await paste(app, pilot, "fold-1")
        assert page.state.edit.text == "fold-1"
        await pilot.press("enter")
        assert page.state.form.typed == {"model:epochs": "12", "run:name": "fold-1"}


async def test_a_paste_into_a_prompt_is_not_refused(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("W")
        await paste(app, pilot, "quick")
        assert "quick" in lines(app)[-3]
        assert page.notice.asking
        await pilot.press("escape")
        assert REFUSED not in text(app)


@pytest.mark.parametrize("size", [(80, 24), (40, 10)], ids=["80x24", "40x10"])
async def test_a_long_problem_is_said_in_full_beside_what_is_typed(
    services: FakeServices, size: tuple[int, int]
) -> None:
    async with shown(services, size, new=True) as (app, pilot):
        await pilot.press(*TO_NAME, *"a/b")
        said = " ".join(" ".join(lines(app)).split())
        assert "run name: 1 to 64 letters, digits, dots, dashes or underscores" in said
        assert "the first not a dot or dash" in said
        assert any("name" in line and "a/b" in line for line in lines(app)), "the row that it is about"
        await pilot.press("backspace", "backspace")
        assert len(lines(app)) == size[1]
        assert "letters, digits" not in text(app)


async def test_a_problem_leaves_room_for_what_has_it(services: FakeServices) -> None:
    async with shown(services, (40, 10), new=True) as (app, pilot):
        form = app.screen.state.form  # type: ignore[attr-defined]
        form.model_name, form.missing = "x", {gone.model_key("x"): "reason " * 60}
        app.screen.redraw()  # type: ignore[attr-defined]
        await until(pilot, lambda: "reason" in text(app))
        assert sum("reason" in line for line in lines(app)) == 3
        assert "MODEL" in text(app)


async def test_the_cursor_stays_in_the_table_when_it_has_fewer_rows(services: FakeServices, tmp_path: Path) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await type_path(pilot, str(tmp_path))
        await pilot.press("tab", *["pagedown"] * 4)
        last = page.state.setting_at
        assert last == len(page.state.form.settings()) - 1
        await pilot.press("shift+tab", *["up"] * 3)
        assert page.state.setting_at == len(page.state.form.settings()) - 1 < last
        await pilot.press("tab")
        assert any(line.startswith(" ›") for line in lines(app)[13:]), "a row has the cursor"


async def test_a_pasted_folder_keeps_its_blanks(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        page.state.show(next(row for row in page.state.form.settings() if row.spec.name == "data_dir"))
        await paste(app, pilot, " /data/my  set\n")
        await pilot.press("enter")
        assert page.state.form.typed == {"run:data_dir": "/data/my  set"}
        page.notice.prompt("where", "", lambda text: "", lambda text: None)
        await paste(app, pilot, "/data/my  set\n")
        assert page.notice._prompt.edit.text == "/data/my  set"


async def test_a_paste_into_the_middle_keeps_its_blanks_and_what_is_taken_has_none_around_it(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services.catalog, "load", with_families)
    monkeypatch.setattr(services.catalog, "members", lambda catalog: [])
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("slash")
        for part in ("hello", " world "):
            await paste(app, pilot, part)
        assert page.model_search.edit.text == "hello world "
        await pilot.press("escape")
        page.state.show(next(row for row in page.state.form.settings() if row.spec.name == "data_dir"))
        for part in (" hello", " world \n"):
            await paste(app, pilot, part)
        await pilot.press("enter")
        assert page.state.form.typed == {"run:data_dir": "hello world"}
        taken: list[str] = []
        page.notice.prompt("name", "", lambda text: "" if text == text.strip() else "blanks", taken.append)
        for part in (" hello", " world \n"):
            await paste(app, pilot, part)
        assert "blanks" not in text(app)
        await pilot.press("enter")
        assert taken == ["hello world"]
        (tmp_path / "hello world").mkdir()
        await pilot.press("shift+tab", *DOWN_TO_OWN[2:])
        for part in (f" {tmp_path}/hello ", "world \n"):
            await paste(app, pilot, part)
        await pilot.press("enter")
        assert page.state.form.dataset_name == f"folder:{tmp_path}/hello world"
