"""New run, again and fork are one form that says which; a filled form is saved under a name and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.entries import LauncherEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.saved import SavedForm
from dltui.tui.base.threads import CarriedOut, Failed
from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.page import NewRunPage
from dltui.tui.new_run.presets.filling import filled
from tests.helpers.marks import few_rows
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, drawn, lines, ready, shown, text, until


async def opened(app: Any, pilot: Any, key: str) -> NewRunPage:
    app.screen.state.selected = "bold-wren"
    await pilot.press(key)
    await drawn(pilot, lambda: isinstance(app.screen, NewRunPage) and ready(app))
    page: NewRunPage = app.screen
    return page


@pytest.mark.parametrize(
    ("key", "title"), few_rows([("n", "New run"), ("a", "Again   like bold-wren"), ("f", "Fork   of bold")], 1)
)
async def test_the_title_says_which(services: FakeServices, key: str, title: str) -> None:
    async with shown(services) as (app, pilot):
        await opened(app, pilot, key)
        assert title in lines(app)[0]


async def test_a_fork_has_what_differs_and_nothing_else_to_choose(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        page = await opened(app, pilot, "f")
        assert "of bold-wren at epoch 10" in lines(app)[0]
        assert lines(app)[-2].startswith(" $ dltui fork bold-wren ")
        await pilot.press("tab")
        assert page.state.group == "settings"
        await pilot.press(*"0.02", "enter")
        assert "$ dltui fork bold-wren --lr 0.02" in text(app)
        await pilot.press("t")
        assert "a fork is started with Enter" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: services.forked == [("bold-wren", ["lr=0.02"])])


async def test_a_fork_without_a_checkpoint_says_why_and_goes_on_saying_it(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        app.screen.state.selected = "dull-crab"
        await pilot.press("f")
        await until(pilot, lambda: "has no checkpoint yet" in text(app))
        services.now += 600
        await pilot.press("down")
        app.screen.tick()
        await pilot.pause()
        assert "has no checkpoint yet" in text(app)
        assert "reading the plugins" not in text(app)
        assert "start" not in lines(app)[-1]


def save_into(saved: dict[str, SavedForm], services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have forms saved in a mapping."""
    monkeypatch.setattr(services.catalog, "save_form", saved.__setitem__)
    monkeypatch.setattr(services.catalog, "forms", lambda: dict(saved))
    monkeypatch.setattr(services.catalog, "holds_another", lambda name, form: saved.get(name, form) != form)


async def test_a_form_is_saved_under_a_name_and_filled_again(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: dict[str, SavedForm] = {}
    save_into(saved, services, monkeypatch)
    async with shown(services) as (app, pilot):
        page = await opened(app, pilot, "n")
        await pilot.press("L")
        await until(pilot, lambda: "no presets yet" in text(app))
        page.state.form.typed["model:lr"] = "0.02"  # type: ignore[union-attr]
        await pilot.press("W", *"a b", "enter")
        assert saved == {}
        await pilot.press("ctrl+u", *"quick", "enter")
        await until(pilot, lambda: "quick" in saved)
        assert saved["quick"].values == {"model:lr": "0.02"}
        page.state.form.typed.clear()  # type: ignore[union-attr]
        await pilot.press("L")
        await until(pilot, lambda: page.notice.asking)
        await pilot.press("enter")
        assert page.state.form is not None
        assert page.state.form.typed == {"model:lr": "0.02"}
        assert "preset quick" in lines(app)[0]


def test_what_is_gone_is_left_out_of_a_preset_and_a_model_that_is_gone_is_told() -> None:
    form = RunForm.with_defaults(make_catalog())
    made = filled(form, "old", SavedForm("softmax-torch", "digits", "cpu", {"model:lr": "0.3", "model:gone": "1"}))
    assert (made.model_name, made.dataset_name, made.device, made.typed) == (
        "softmax", "digits", "cpu", {"model:lr": "0.3"},
    )  # fmt: skip
    with pytest.raises(UsageError, match="nowhere"):
        filled(form, "old", SavedForm("nowhere-torch", "digits"))


def test_the_options_of_a_launcher_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"local": (), "slurm": (FieldSpec("hours", "int", 1),)}
    found = {name: LauncherEntry(name, name, own, False, {}) for name, own in fields.items()}
    monkeypatch.setattr("dltui.core.lifecycle.launch.launching.usable", lambda catalog: found)
    typed = {"launcher:launcher": "slurm", "launch:hours": "8"}
    made = filled(RunForm.with_defaults(make_catalog()), "night", SavedForm("cnn-torch", "digits", "auto", typed))
    assert made.typed == typed


async def test_a_preset_fills_all_of_the_form_or_nothing(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forms = {
        "good": SavedForm("softmax-torch", f"folder:{tmp_path}", "cuda:1", {"model:lr": "0.3"}),
        "bad": SavedForm("softmax-tensorflow", "nowhere:/pets", "cpu", {"model:lr": "0.5"}),
    }
    monkeypatch.setattr(services.catalog, "forms", lambda: forms)
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("tab", "tab", "tab", "down", *"0.7", "enter")
        before = outcome.command(page.state.form)
        await pilot.press("L")
        await until(pilot, lambda: page.notice.asking)
        await pilot.press("enter")
        assert "bad: nowhere:/pets is not a path" in text(app)
        assert outcome.command(page.state.form) == before
        await pilot.press("L")
        await until(pilot, lambda: page.notice.asking)
        await pilot.press("up", "enter")
        assert page.state.form.typed == {"model:lr": "0.3"}
        assert (page.state.form.model.id, page.state.form.device) == ("softmax-torch", "cuda:1")
        await until(pilot, lambda: bool(page.state.form.previews))


async def test_a_saved_form_is_not_replaced_unasked(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    before = SavedForm("softmax-torch", "digits")
    saved = {"quick": before}
    save_into(saved, services, monkeypatch)
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("W", *"quick", "enter")
        await until(pilot, lambda: "quick is another form: Enter replaces it" in text(app))
        await pilot.press("escape")
        assert saved == {"quick": before}
        await pilot.press("W", *"quick", "enter")
        await until(pilot, lambda: page.notice.asking)
        await pilot.press("enter")
        await until(pilot, lambda: saved["quick"].model == "cnn-torch")
        # The same form again is no question.
        page.notice.clear_message()
        await pilot.press("W", *"quick", "enter")
        await until(pilot, lambda: "saved as quick" in text(app))


async def test_a_form_that_is_not_saved_is_told_where_the_page_was_left(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = SavedForm("softmax-torch", "digits")
    saved = {"quick": before}
    save_into(saved, services, monkeypatch)
    monkeypatch.setattr(services.catalog, "holds_another", lambda name, form: services.go_on.wait(10))
    async with shown(services, new=True) as (app, pilot):
        await pilot.press("W", *"quick", "enter", "escape")
        assert not isinstance(app.screen, NewRunPage)
        services.go_on.set()
        await until(pilot, lambda: "quick is another form, not saved" in text(app))
    assert saved == {"quick": before}


async def test_what_comes_while_the_screen_ends_is_no_error(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(services, new=True) as (app, _pilot):
        page = app.screen
        with monkeypatch.context() as patch:
            patch.setattr(app, "_screen_stacks", {app.current_mode: []})
            app.on_carried_out(CarriedOut(page, Failed("save", "the disk is full"), ""))
            app.on_carried_out(CarriedOut(page, None, ""))
