"""A model of a family on New run: searched for by typing, chosen from what is found, trained like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.catalog import entries
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.models.families import FamilyEntry, MemberEntry
from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.terminal.typed import Typed
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, ready, shown, text, until
from tests.tui.test_screens import SvgExtension

NAMES = ("resnet18", "resnet34", "resnet50", "vit_tiny_patch16_224", "convnext_atto", "mobilenetv4_conv_small")


def with_families() -> Catalog:
    catalog = make_catalog()
    summary = "PyTorch Image Models: networks with pretrained weights"
    model = replace(catalog.models["cnn-torch"], id="timm:any", name="timm", summary=summary)
    catalog.families["timm"] = FamilyEntry("timm", model, "no such key")
    return catalog


@pytest.fixture(autouse=True)
def known(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    members = tuple(MemberEntry(name, 224, "download") for name in NAMES)
    monkeypatch.setattr(entries, "members", lambda family: members)
    monkeypatch.setattr(entries, "kept_members", lambda family: members)
    monkeypatch.setattr(services.catalog, "load", with_families)
    monkeypatch.setattr(services.catalog, "members", lambda catalog: [f"timm:{name}" for name in NAMES])


async def search(pilot: Any, app: Any, word: str) -> None:
    await pilot.press("slash")
    await until(pilot, lambda: "9 found" in text(app) or "11 found" in text(app))
    await pilot.press(*word)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_a_member_is_found_and_trained(
    services: FakeServices, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with shown(services, size, new=True) as (app, pilot):
        assert "/ for more" in text(app)
        await search(pilot, app, "resnet")
        await until(pilot, lambda: "3 found" in text(app))
        await pilot.press("down")
        assert "› timm:resnet34" in text(app)
        found = app.export_screenshot(simplify=True)
        await pilot.press("enter")
        page: Any = app.screen
        assert page.state.form.model.id == "timm:resnet34"
        assert "for images of 224 px" in text(app)
        assert found == snapshot(extension_class=SvgExtension)
        assert app.export_screenshot(simplify=True) == snapshot(extension_class=SvgExtension)
        await pilot.press("enter")
        await until(pilot, lambda: bool(services.started))
    assert services.started[0].model == "timm:resnet34"


async def test_a_search_can_be_left(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        before = page.state.form.model_name
        await search(pilot, app, "qq")
        await until(pilot, lambda: "0 found" in text(app))
        await pilot.press("enter")
        assert page.state.form.model_name == before
        await search(pilot, app, "r")
        await pilot.press("escape")
        assert (page.model_search.edit, app.screen) == (None, page)
        await pilot.press("tab", "slash")
        assert page.model_search.edit is None


@pytest.mark.parametrize(("word", "taken"), [("resnet34", True), ("qq", False)])
async def test_enter_waits_until_the_names_are_read(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, word: str, taken: bool
) -> None:
    go_on = Event()

    def slow(catalog: Catalog) -> list[str]:
        assert go_on.wait(60)
        return [f"timm:{name}" for name in NAMES]

    monkeypatch.setattr(services.catalog, "members", slow)
    async with shown(services, new=True) as (app, pilot):
        page: Any = app.screen
        await pilot.press("slash", *word)
        assert "reading the libraries ..." in text(app)
        await pilot.press("enter")
        assert "taken once read ..." in text(app)
        go_on.set()
        await until(pilot, lambda: page.model_search.edit is None if taken else "0 found" in text(app))
        assert (page.state.form.model.id == "timm:resnet34") == taken
        assert (page.model_search.edit is None) == taken


def test_a_form_like_a_run_of_a_member() -> None:
    run = {"model": "timm:resnet18", "dataset": "digits", "config": {"lr": 0.5}}
    form = RunForm.like(with_families(), run, "like r", True)
    assert form.model is not None
    assert (form.model.id, form.framework, form.values("model")) == ("timm:resnet18", "torch", {"lr": 0.5})
    assert outcome.command(form)[:3] == ["dltui", "train", "timm:resnet18"]
    form.choose_model("softmax")
    assert "timm:resnet18" in form.model_names()


async def test_photos_and_a_pretrained_member_are_twelve_keys_away(services: FakeServices, tmp_path: Path) -> None:
    """From the list of runs; a name and a path are pasted."""
    pets = tmp_path / "pets"
    pets.mkdir()
    pressed: list[str] = []
    async with shown(services, (120, 40)) as (app, pilot):

        async def press(*keys: str) -> None:
            pressed.extend(keys)
            await pilot.press(*keys)

        async def paste(text: str) -> None:
            pressed.append("paste")
            app.post_message(Typed(text))
            await pilot.pause()

        await press("n")
        await until(pilot, lambda: ready(app))
        await press("slash")
        await until(pilot, lambda: "found" in text(app))
        await paste("mobilenetv4_conv_small")
        await until(pilot, lambda: "1 found" in text(app))
        await press("enter", "tab", "tab", "pagedown")
        await paste(f"folder:{pets}")
        await press("enter")
        await until(pilot, lambda: "1,240 in 4 classes" in text(app))
        await press("enter")
        await until(pilot, lambda: bool(services.started))
    request = services.started[0]
    assert request.model == "timm:mobilenetv4_conv_small"
    assert request.dataset == f"folder:{pets}"
    assert request.config == {}
    assert len(pressed) <= 12, pressed
