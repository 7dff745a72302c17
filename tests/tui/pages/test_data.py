"""The page Data: pairs with their pictures, marks that are saved, and the classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.catalog.entries import Catalog, at, entry_of
from dltui.core.catalog.schema import field_specs
from dltui.core.contract.config import DatasetOptions
from dltui.core.data.findings import check, record
from dltui.core.data.findings.ask import Looked
from dltui.core.data.findings.review import read_file
from dltui.core.errors import UsageError
from dltui.tui.new_run import outcome
from dltui.tui.pages.data import review_file
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import DARK, LIGHT
from tests.core.data.findings.planted import planted
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.test_screens import ASCII, SvgExtension, TextExtension
from tests.tui.test_small import at_each_size

DATA = planted().data
LOOKED = Looked("planted", DATA, check.check(DATA))


@pytest.fixture
def services(services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    """The services, which find what is planted; a review is written below this folder."""
    monkeypatch.chdir(tmp_path)

    def findings(dataset: Any, options: Any, data_dir: Any, tell: Callable[[str], None], model: Any) -> Looked:
        assert model is not None
        return LOOKED

    def catalog() -> Catalog:
        found = make_catalog()
        entry = found.datasets["fashion-mnist"]
        drop = next(spec for spec in field_specs(DatasetOptions) if spec.name == "drop")
        found.datasets["fashion-mnist"] = replace(entry, fields=(*entry.fields, drop))
        return found

    known = {"fashion-mnist": record.line(LOOKED.findings)}
    monkeypatch.setattr(services.catalog, "known_findings", lambda: known)
    monkeypatch.setattr(services.catalog, "findings", findings)
    monkeypatch.setattr(services.catalog, "load", catalog)
    return services


async def looked(app: Any, pilot: Any) -> None:
    await until(pilot, lambda: ready(app))
    await pilot.press("d")
    await until(pilot, lambda: "leakage" in text(app))


async def test_marks_are_saved_and_used(services: FakeServices, tmp_path: Path) -> None:
    async with shown(services, new=True) as (app, pilot):
        await looked(app, pilot)
        (path,) = {app.screen.review_path}
        await pilot.press("enter")
        assert "nothing is marked" in text(app)
        await pilot.press("space")
        await until(pilot, lambda: "review.csv marks 1 sample that Enter leaves out" in text(app))
        (row,) = read_file(path).values()
        assert (row.split, row.mark, row.of) == ("train", "duplicate", "test 5")
        await pilot.press("x")
        await until(pilot, lambda: [row.split for row in read_file(path).values()] == ["test"])
        await pilot.press("x", "space")
        await until(pilot, lambda: not read_file(path))
        await pilot.press("a")
        await until(pilot, lambda: len(read_file(path)) == len({item.opinion.key for item in app.screen.items}))
        await pilot.press("end")
        assert "all black" in text(app) or "of one color" in text(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.name_of_page == "New run")
        assert "drop" in text(app)
        assert outcome.request(app.screen.state.form).dataset_options == {"drop": str(path)}


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, size: tuple[int, int], theme: Any) -> None:
    if theme is LIGHT and size[0] == 200:
        pytest.skip("one light picture says it")
    async with shown(services, size, Terminal(theme=theme), new=True) as (app, pilot):
        await looked(app, pilot)
        await pilot.press("down")
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


async def test_in_a_small_terminal(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    async with shown(services, new=True) as (app, pilot):
        await looked(app, pilot)
        assert await at_each_size(app, pilot) == snapshot(extension_class=TextExtension)


async def test_what_was_found_before_is_a_line_of_the_form(services: FakeServices) -> None:
    async with shown(services, new=True) as (app, pilot):
        await until(pilot, lambda: ready(app))
        await pilot.press("tab", "tab")
        assert " d 1 exact and 1 near duplicates" in text(app)


async def test_classes_in_ascii(services: FakeServices, snapshot: SnapshotAssertion) -> None:
    async with shown(services, (80, 24), ASCII, new=True) as (app, pilot):
        await looked(app, pilot)
        assert all(line.isascii() and len(line) == 80 for line in lines(app))
        await pilot.press("tab")
        assert text(app) == snapshot(extension_class=TextExtension)
        await pilot.press("escape")
        assert app.screen.name_of_page == "New run"


async def test_data_that_cannot_be_looked_at_goes_on_saying_why(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*asked: Any) -> Looked:
        raise UsageError("train-images is damaged: remove it and it is downloaded again")

    monkeypatch.setattr(services.catalog, "findings", refuse)
    async with shown(services, new=True) as (app, pilot):
        await until(pilot, lambda: ready(app))
        await pilot.press("d")
        await until(pilot, lambda: "train-images is damaged" in text(app))
        services.now += 3600
        await pilot.press("down", "space", "tab")
        app.screen.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "train-images is damaged" in text(app)
        assert "preparing the data" not in text(app)
        assert "mark" not in lines(app)[-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("folder:/home/u/猫", "folder:/home/u/犬"),
        ("folder:/d/pets/v2", "folder:/d/pets-v2"),
        (f"folder:/{'d' * 80}/1", f"folder:/{'d' * 80}/2"),
    ],
)
def test_each_dataset_has_a_review_of_its_own(one: str, other: str) -> None:
    catalog = make_catalog()
    files = [review_file("exports", entry_of(each, catalog), {}, None) for each in (one, other)]
    assert files[0] != files[1]
    known = catalog.datasets["fashion-mnist"]
    assert review_file("/lab", known, {}, None) == Path("/lab/data-fashion-mnist/review.csv")


async def test_each_task_has_a_review_of_its_own(services: FakeServices) -> None:
    """Its splits have other samples."""
    async with shown(services, new=True) as (app, pilot):
        await looked(app, pilot)
        form = app.screen_stack[-2].state.form
        table = at(form.catalog.datasets["csv"], "t.csv")
        paths = []
        for name in ("softmax", "linear-regression"):
            app.open_data(table, outcome.request(form), lambda path: None, form.catalog.model(name))
            await until(pilot, lambda: app.screen.found is not None)
            paths.append(app.screen.review_path)
        assert len(set(paths)) == 2
