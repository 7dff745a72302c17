"""The pictures of the README: small, of nobody's machine, and each frame with names of its own."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from dltui.core.machine import process

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def animation() -> ModuleType:
    return load("animation")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_of_the_screens_is_as_the_tests_have_it() -> None:
    page = (DOCS / "screens.md").read_text()
    shown = re.findall(r"!\[[^]]+\]\(screens/([^)]+)\.svg\)", page)
    assert sorted(shown) == sorted(path.stem for path in (DOCS / "screens").glob("*.svg"))
    for name, svg in load("make_screens").pictures().items():
        assert (DOCS / "screens" / f"{name}.svg").read_text() == svg, "run: python docs/make_screens.py"
    anchors = re.findall(r"\]\(#([^)]+)\)", page)
    assert anchors
    assert set(anchors) <= {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", page, re.MULTILINE)}


def test_the_readme_is_short_and_its_pictures_are_there() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    pictures = re.findall(r"!\[[^]]+\]\((docs/[^)]+)\)", readme)
    assert len(pictures) == 5
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 2_000_000
        assert "/tmp/" not in (ROOT / picture).read_text()


def test_frames_are_joined(animation: ModuleType) -> None:
    frame = '<svg viewBox="0 0 10 5"><style>.terminal-7-r1 {{ fill: #fff }}</style><g class="terminal-7-r1"/></svg>'
    joined = animation.join([frame, frame.replace("7", "8")], 2.0)
    assert joined.startswith('<svg viewBox="0 0 10 5"')
    assert (joined.count('class="frame"'), joined.count('class="frame last"')) == (1, 1)
    assert ".last { visibility: visible; }" in joined
    assert ("t0-r1" in joined, "t1-r1" in joined, "terminal-" in joined) == (True, True, False)
    assert "animation: show 4s" in joined


def test_pictures_fetch_nothing() -> None:
    for picture in [DOCS / "session.svg", *(DOCS / "screens").glob("*.svg")]:
        assert "@font-face" not in picture.read_text()


def test_frames_are_taken_evenly(animation: ModuleType) -> None:
    assert animation.evenly(list("abcdefg"), 3) == ["a", "d", "g"]
    assert animation.evenly(["a"]) == ["a"]


def test_a_picture_is_of_nobodys_machine(animation: ModuleType) -> None:
    host, user = process.this_host(), process.user_at_host()
    before = f"<text>{user}</text> <text>&#160;{host}&#160;</text> <text>/tmp/abcdefghij/exports</text>"
    after = animation.nobodys(before, "/tmp/abcdefghij")
    assert len(after) == len(before)
    assert "/home/ada/thesi/exports" in after
    assert "ada@"[: len(user)] in after
