"""New run, again and fork are one form that says which; a filled form is saved under a name and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.saved import SavedForm
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.page import NewRunPage
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


@pytest.mark.long
async def test_a_fork_without_a_checkpoint_says_why(services: FakeServices) -> None:
    async with shown(services) as (app, pilot):
        app.screen.state.selected = "dull-crab"
        await pilot.press("f")
        await until(pilot, lambda: "has no checkpoint yet" in text(app))


async def test_a_form_is_saved_under_a_name_and_filled_again(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: dict[str, SavedForm] = {}
    monkeypatch.setattr(services.catalog, "save_form", saved.__setitem__)
    monkeypatch.setattr(services.catalog, "forms", lambda: dict(saved))
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
    form.fill("old", SavedForm("softmax-torch", "digits", "cpu", {"model:lr": "0.3", "model:gone": "1"}))
    assert (form.model_name, form.dataset_name, form.device, form.typed) == (
        "softmax", "digits", "cpu", {"model:lr": "0.3"},
    )  # fmt: skip
    with pytest.raises(UsageError, match="nowhere"):
        form.fill("old", SavedForm("nowhere-torch", "digits"))
