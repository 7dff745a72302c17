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


def test_each_letter_of_a_curve_has_its_place() -> None:
    text = '<text class="a" x="12.2" y="20" textLength="{}" clip-path="url(#l)">{}</text>'
    found = screen_picture.alone(text.format("61", "&#160;\u28c0a&#160;\u28e0"))
    assert found == '<text class="a" x="24.4 36.6 61.0" y="20" clip-path="url(#l)">\u28c0a\u28e0</text>'
    assert screen_picture.alone(text.format("61", "a&lt;b&#160;\u2501")) == text.format("61", "a&lt;b&#160;\u2501")


def test_a_machine_without_fonts_has_text_in_its_pictures() -> None:
    resvg = pytest.importorskip("resvg_py")
    svg = screen_picture.alone(
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><style>text {font-family: Fira Code, monospace}'
        '</style><text x="0" y="20" textLength="36.6">a\u28ffb</text></svg>'
    )
    drawn = [
        bytes(resvg.svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_dirs=fonts))
        for fonts in (screen_picture._fonts(), [])
    ]
    assert len(drawn[0]) > len(drawn[1])


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


async def test_without_a_working_directory_there_is_no_place_for_it(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with shown(services) as (app, pilot):
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "the working directory is gone" in text(app))


@pytest.mark.long
async def test_what_cannot_be_written_is_told(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exports").write_text("")
    monkeypatch.chdir(tmp_path)
    async with shown(services) as (app, pilot):
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "no picture can be written to" in text(app))
