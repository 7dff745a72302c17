"""Pictures of the screen: alone with what it needs, under a name of its own, PNG only where something draws it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.tui.base.effects import screen_picture
from tests.tui.scenario import FakeServices, shown, text, until


def test_each_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen_picture, "_RENDERERS", ())
    files = [screen_picture.write("<svg/>", tmp_path / "new", 80)[0] for _ in range(3)]
    assert len(set(files)) == len(list((tmp_path / "new").iterdir())) == 3
    assert {file.suffix for file in files} == {".svg"}


def test_the_first_that_can_draws_the_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(svg: str, width: int) -> bytes:
        raise ImportError("no such module")

    draws = lambda svg, width: b"\x89PNG" + str(width).encode()  # noqa: E731
    monkeypatch.setattr(screen_picture, "_RENDERERS", (broken, lambda svg, width: b"", draws))
    svg, png = screen_picture.write("<svg/>", tmp_path, 160)
    assert (svg.suffix, png.read_bytes()) == (".svg", b"\x89PNG3200")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="no picture can be written to"):
        screen_picture.write("<svg/>", tmp_path / "file", 80)


async def test_the_key_saves_what_is_seen(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen_picture, "_RENDERERS", ())
    monkeypatch.chdir(tmp_path)
    async with shown(services) as (app, pilot):
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "saved: " in text(app))
        (file,) = (tmp_path / "exports").iterdir()
        svg = file.read_text()
        assert "brisk-otter" in svg
        assert "url(" not in svg.replace("url(#", "")


async def test_the_page_of_a_run_that_is_damaged_is_pictured_too(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dltui.tui.run_page import page as run_page

    def refuse(run: object) -> Path:
        raise UsageError("run.json names no exports folder")

    monkeypatch.setattr(screen_picture, "_RENDERERS", ())
    monkeypatch.chdir(tmp_path)
    async with shown(services, run="bold-wren") as (app, pilot):
        await until(pilot, lambda: "FINISHED" in text(app))
        monkeypatch.setattr(run_page.place, "exports_folder", refuse)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "saved: " in text(app))
        assert len(list((tmp_path / "exports").iterdir())) == 1


@pytest.mark.long
async def test_what_cannot_be_written_is_told(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exports").write_text("")
    monkeypatch.chdir(tmp_path)
    async with shown(services) as (app, pilot):
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "no picture can be written to" in text(app))
