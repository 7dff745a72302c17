"""Threads that look at files: at a pace, at once when asked, and not at all while their page is covered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dltui.tui.base.threads import Watcher
from dltui.tui.run_list.page import RunsPage
from dltui.tui.run_list.reading import Reading
from tests.tui.scenario import FakeServices, shown, until

PACE = 0.01


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(PACE)


def test_it_looks_at_a_pace_until_it_rests_and_again_after_a_nudge() -> None:
    looks: list[float] = []
    watcher = Watcher(None, lambda: looks.append(time.monotonic()), PACE)  # type: ignore[arg-type, func-returns-value]
    watcher.start()
    soon(lambda: len(looks) >= 3)
    watcher.rest()
    time.sleep(20 * PACE)
    resting = len(looks)
    time.sleep(20 * PACE)
    assert len(looks) == resting
    watcher.nudge()
    soon(lambda: len(looks) >= resting + 3)
    watcher.stop()


async def test_the_list_of_runs_looks_at_nothing_while_a_run_covers_it(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []
    look = Reading._look_at_runs

    def counted(reading: Reading) -> Any:
        looks.append(reading._page.on_top)
        return look(reading)

    monkeypatch.setattr("dltui.tui.run_list.reading.SECONDS", PACE)
    monkeypatch.setattr(Reading, "_look_at_runs", counted)
    async with shown(services) as (app, pilot):
        await until(pilot, lambda: len(looks) >= 3)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, RunsPage))
        await pilot.pause(20 * PACE)
        covered = len(looks)
        await pilot.pause(20 * PACE)
        assert len(looks) == covered
        await pilot.press("escape")
        await until(pilot, lambda: len(looks) >= covered + 3)


async def test_the_list_below_a_run_that_is_opened_first_rests_too(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    looks: list[bool] = []
    monkeypatch.setattr("dltui.tui.run_list.reading.SECONDS", PACE)
    monkeypatch.setattr(Reading, "_look_at_runs", lambda reading: looks.append(reading._page.on_top))
    async with shown(services, run="brisk-otter") as (_, pilot):
        await until(pilot, lambda: len({thread.ident for thread in threading.enumerate()} - before) >= 3)
        await pilot.pause(20 * PACE)
        assert len(looks) <= 1
