"""What a few keys bring up, as pictures: charts looked at closely, the past, other runs, questions, empty lists."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.tui.app import DltuiApp
from tests.helpers.sample_run import make_sample_run
from tests.tui.everywhere import LOOKS, everywhere
from tests.tui.scenario import FakeServices, lines, previewed, shown, text
from tests.tui.test_screens import SvgExtension, TextExtension

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)
EACH = 4
"""Of so many moments one is seen at every size with `--long`."""


class Moment(NamedTuple):
    """A run (None: the list of runs), the keys that are pressed, and how large and in what look it is seen."""

    run: str | None
    keys: tuple[str, ...]
    size: tuple[int, int] = SMALL
    look: str = "dark"


MOMENTS = {
    "cursor": Moment("bold-wren", ("left", "left", "left")),
    "cursor-ascii": Moment("bold-wren", ("left", "left", "left"), look="ascii"),
    "zoomed": Moment("bold-wren", ("z",), MIDDLE, "light"),
    "log-scale": Moment("bold-wren", ("g",), LARGE),
    "recent-and-closer": Moment("bold-wren", ("f", "plus", "comma"), MIDDLE),
    "by-time": Moment("bold-wren", ("x", "x"), look="light"),
    "past": Moment("bold-wren", ("left_square_bracket", "left_square_bracket")),
    "past-of-a-live-run": Moment("brisk-otter", ("left_square_bracket",), LARGE, "light"),
    "replay": Moment("bold-wren", ("P",), MIDDLE),
    "overlay": Moment("bold-wren", ("v",)),
    "overlay-ascii": Moment("bold-wren", ("v",), look="ascii"),
    "overlaid": Moment("bold-wren", ("v", "space", "escape"), MIDDLE),
    "raced": Moment("brisk-otter", ("v", "t", "escape"), LARGE),
    "learning-rate": Moment("brisk-otter", ("l",)),
    "help": Moment("brisk-otter", ("question_mark",), MIDDLE, "light"),
    "help-small": Moment(None, ("question_mark",)),
    "palette": Moment("brisk-otter", ("ctrl+p",)),
    "palette-typed": Moment(None, ("ctrl+p", *"re"), MIDDLE, "light"),
    "resume": Moment("wild-moth", ("r",)),
    "filter": Moment(None, ("slash", *"lr>0"), look="light"),
    "filter-wrong": Moment(None, ("slash", *"lr>fast")),
    "filter-matches-nothing": Moment(None, ("slash", *"model:none", "enter"), look="ascii"),
    "marked": Moment(None, ("space", "space"), LARGE),
    "rename": Moment(None, ("R",)),
    "tag": Moment(None, ("number_sign",), MIDDLE, "light"),
    "note": Moment(None, ("N",)),
    "delete": Moment(None, ("end", "d"), look="light"),
    "brought-back": Moment(None, ("end", "d", "u")),
    "take-home": Moment("bold-wren", ("e",)),
    "stop": Moment("brisk-otter", ("s",)),
    "kill": Moment("brisk-otter", ("K",)),
    "palette-finds-nothing": Moment(None, ("ctrl+p", *"zzz"), look="light"),
    "nothing-to-lay-over": Moment("alone", ("v",)),
    "queued": Moment("waiting", ()),
    "confusion": Moment("bold-wren", ("2",), LARGE),
    "confusion-live": Moment("brisk-otter", ("2", "down"), look="light"),
    "mistakes": Moment("bold-wren", ("3",), MIDDLE),
    "mistakes-filtered": Moment("bold-wren", ("3", "f"), look="light"),
    "classes": Moment("bold-wren", ("4",)),
    "structure": Moment("bold-wren", ("5",), MIDDLE, "light"),
    "log": Moment("brisk-otter", ("6",)),
    "hardware": Moment("brisk-otter", ("7",), MIDDLE),
    "fit": Moment("lines-1", ("2",)),
    "largest-residuals": Moment("lines-1", ("3",), look="light"),
    "residuals": Moment("lines-1", ("4",), MIDDLE),
    "settings": Moment(None, ("S",)),
    "form": Moment(None, ("n",), look="light"),
    "form-typing": Moment(None, ("n", "tab", "tab", "tab", "down", *"0.3")),
    "form-wrong-value": Moment(None, ("n", "tab", "tab", "tab", *"0", "enter"), MIDDLE),
    "form-like": Moment("bold-wren", ("a",), LARGE, "light"),
    "form-rates": Moment(None, ("n", "l")),
    "form-rates-large": Moment(None, ("n", "l"), LARGE, "light"),
    "form-rates-ascii": Moment(None, ("n", "l"), look="ascii"),
    "form-rate-taken": Moment(None, ("n", "l", "enter")),
    "form-batch-found": Moment(None, ("n", "b")),
    "form-tried": Moment(None, ("n", "t"), MIDDLE),
    "starting": Moment("dull-crab", (), MIDDLE, "light"),
    "paused": Moment("calm-ibis", (), look="light"),
    "interrupted": Moment("cold-yak", ()),
    "silent": Moment("brisk-otter", ()),
    "failed": Moment("wild-moth", (), MIDDLE),
    "no-number": Moment("gap", (), MIDDLE),
    "no-number-ascii": Moment("gap", (), look="ascii"),
    "read-only": Moment("brisk-otter", ("p",), look="light"),
    "read-only-runs": Moment(None, ("home",)),
    "overlaid-no-color": Moment("bold-wren", ("v", "space", "escape"), look="no-color"),
    "runs-no-color": Moment(None, (), MIDDLE, "no-color"),
}

AGAIN = ("cursor-ascii", "overlay-ascii", "form-rates-large", "form-rates-ascii", "no-number-ascii", "palette-typed")
"""Other moments have the same on the screen, in another look or size."""

# Runs that are not in every home.
MADE: dict[str, dict[str, Any]] = {
    "waiting": {"status": "queued"},
    "alone": {},
    "gap": {"status": "failed", "done": 3, "gap": (1.2, 1.7)},
}


@contextlib.asynccontextmanager
async def seen(
    services: FakeServices, name: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[DltuiApp, Any]]:
    """The screen at a moment, at rest."""
    moment = MOMENTS[name]
    # Only runs that lie in the home may be deleted.
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))
    services.viewer.read_only = name.startswith("read-only")
    services.now += 300.0 * (name == "silent")
    if moment.run in MADE:
        make_sample_run(services.root, run_id=moment.run, **MADE[moment.run])
    if moment.run == "alone":
        alone = services.root.parent / "alone-runs"
        alone.mkdir()
        (services.root / "alone").rename(alone / "alone")
        services.root = services.runs.root = alone
    async with shown(services, moment.size, LOOKS[moment.look], moment.run) as (app, pilot):
        for key in moment.keys:
            await pilot.press(key)
        await settled(app, pilot)
        yield app, pilot


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in AGAIN)) for name in MOMENTS])
async def test_moment(
    services: FakeServices, snapshot: SnapshotAssertion, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = MOMENTS[name]
    async with seen(services, name, monkeypatch) as (app, _):
        assert [len(line) for line in lines(app)] == [moment.size[0]] * moment.size[1]
        if moment.look in ("ascii", "no-color"):
            assert text(app).isascii() or moment.look != "ascii"
            assert text(app) == snapshot(extension_class=TextExtension)
        else:
            assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.longest if number % EACH else pytest.mark.long)
        for number, name in enumerate(MOMENTS)
    ],
)
async def test_at_every_size(
    services: FakeServices, snapshot: SnapshotAssertion, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seen(services, name, monkeypatch) as (app, pilot):
        assert await everywhere(app, pilot) == snapshot(extension_class=TextExtension)


async def test_tabs_of_a_run_that_starts_say_what_will_come(
    services: FakeServices, snapshot: SnapshotAssertion
) -> None:
    async with shown(services, run="dull-crab") as (app, pilot):
        seen = []
        for key in "123456":
            await pilot.press(key)
            await settled(app, pilot)
            seen.append(text(app))
        assert "\n".join(seen) == snapshot(extension_class=TextExtension)


async def settled(app: Any, pilot: Any) -> None:
    """Until nothing on the screen has changed for a while: threads bring other runs."""
    seen: list[str] = []
    while len(seen) < 4 or len(set(seen[-4:])) > 1 or not previewed(app):
        await pilot.pause(0.2)
        seen.append(text(app))
