"""Other hosts on the list of runs: their devices, their runs, and the reason of one that does not answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dltui.core.errors import UsageError
from dltui.core.machine.devices import Device
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.all_runs import RunList
from dltui.tui.base.hosts.elsewhere import Elsewhere, Followed, HostLine
from dltui.tui.base.hosts.far_summary import from_json, silenced
from dltui.tui.base.summary import Summary
from dltui.tui.draw.styled_text import cells, plain
from dltui.tui.run_list import hosts_lines
from tests.tui.scenario import FakeServices, lines, shown, text, until

GPU = Device("cuda:1", "T4", total_bytes=16 * 10**9, free_bytes=15 * 10**9, utilization=0.0)


class FakeElsewhere(Elsewhere):
    def __init__(self, hosts: tuple[HostLine, ...], runs: Sequence[Summary]) -> None:
        self.hosts, self.known = hosts, runs
        self.followed: list[RunDirectory] = []

    def runs(self) -> Sequence[Summary]:
        return self.known

    def lines(self) -> tuple[HostLine, ...]:
        return self.hosts

    def follow(self, run: RunDirectory) -> Followed:
        self.followed.append(run)
        return Followed()


def run_of(host: str, name: str, **more: object) -> Summary:
    known = {"status": "running", "device": "cuda:1", "model": "cnn", "created": 1.0}
    found = from_json(host, {"id": name, "name": name, **known, **more})
    assert found is not None
    return found


@pytest.fixture
def hosted(services: FakeServices) -> FakeElsewhere:
    hosts = (
        HostLine("gpu02", (GPU,)),
        HostLine("gpu03", problem="Connection refused", failed=True, again=8),
        HostLine("gpu04", problem="connecting ..."),
        HostLine("gpu05", (GPU,), note="dltui 0.0.9 there, 0.1.0 here"),
    )
    found = FakeElsewhere(hosts, (run_of("gpu02", "far-run"), run_of("gpu03", "lost-run", status="silent")))
    services.elsewhere = found
    return found


async def test_hosts_and_their_runs_are_in_one_list(services: FakeServices, hosted: FakeElsewhere) -> None:
    async with shown(services, (120, 40)) as (app, pilot):
        await until(pilot, lambda: "gpu03" in text(app) and "far-run" in text(app))
        found = lines(app)
        assert any(line.startswith(" gpu02") and "cuda:1 T4" in line for line in found)
        assert any("gpu03" in line and "does not answer: Connection refused; again in 8 s" in line for line in found)
        assert any("gpu04" in line and "connecting" in line for line in found)
        assert any("gpu05" in line and "dltui 0.0.9 there" in line for line in found)
        assert any("far-run" in line and "gpu02:1" in line and "running" in line for line in found)
        assert any("lost-run" in line and "silent" in line for line in found)
        assert "10 runs" in found[0]
        app.screen.state.selected = "gpu02:far-run"
        app.screen.tick()
        await until(pilot, lambda: "on gpu02; Enter opens it" in text(app))
        assert hosted.followed == []
        await pilot.press("enter")
        assert hosted.followed[-1].id == "gpu02:far-run"


async def test_a_host_that_lets_wait_does_not_hold_the_screen(
    services: FakeServices, hosted: FakeElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = threading.Event()

    def send(*words: object) -> str:
        lost.wait(5)
        raise UsageError("gpu02 does not answer: timed out")

    monkeypatch.setattr(services.commands, "send", send)
    monkeypatch.setattr(services.viewer, "may_command", lambda run: True)
    async with shown(services, (80, 24)) as (app, pilot):
        await until(pilot, lambda: "far-run" in text(app))
        app.screen.state.selected = "gpu02:far-run"
        await pilot.press("p")
        await until(pilot, lambda: "pause: sent, waiting for gpu02" in text(app))
        lost.set()
        await until(pilot, lambda: "gpu02 does not answer: timed out" in text(app))
        assert app.screen.run_keys.orders.waiting == {}


async def test_the_runs_of_a_host_can_be_filtered(services: FakeServices, hosted: FakeElsewhere) -> None:
    async with shown(services, (80, 24)) as (app, pilot):
        await until(pilot, lambda: "far-run" in text(app))
        await pilot.press("slash", *"host:gpu02", "enter")
        await until(pilot, lambda: "1 shown" in text(app))
        assert [run.id for run in app.screen.state.lines] == ["gpu02:far-run"]


async def test_a_host_that_is_lost_leaves_its_runs_in_the_list(services: FakeServices, hosted: FakeElsewhere) -> None:
    async with shown(services, (80, 24)) as (app, pilot):
        await until(pilot, lambda: "far-run" in text(app))
        hosted.known = tuple(silenced(run, "timed out", services.now - 12) for run in hosted.known)
        await until(pilot, lambda: "far-run" in text(app) and "running" not in app.screen.state.runs[-1].status)
        app.screen.state.selected = "gpu02:far-run"
        app.screen.redraw()
        await until(pilot, lambda: "gpu02 does not answer: timed out" in text(app))


async def test_runs_here_that_cannot_be_read_do_not_hide_those_of_hosts(
    services: FakeServices, hosted: FakeElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: RunList, thorough: bool = False) -> list[Summary]:
        raise UsageError("the runs in /x cannot be read: permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(RunList, "read", read)
        async with shown(services, (100, 30)) as (app, pilot):
            await until(pilot, lambda: "far-run" in text(app) and "permission denied" in text(app))
    async with shown(services, (100, 40)) as (app, pilot):
        await until(pilot, lambda: "brisk-otter" in text(app))
        monkeypatch.setattr(RunList, "read", read)
        hosted.known = (*hosted.known, run_of("gpu02", "next-run"))
        await until(pilot, lambda: "next-run" in text(app) and "permission denied" in text(app))
        assert "brisk-otter" in text(app)


async def test_runs_of_hosts_are_laid_over_where_those_here_cannot_be_read(
    services: FakeServices, hosted: FakeElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: RunList, thorough: bool = False) -> list[Summary]:
        raise UsageError("the runs in /x cannot be read: permission denied")

    hosted.known = (run_of("gpu02", "far-run", epochs_done=2),)
    async with shown(services, (100, 30), run="bold-wren") as (app, pilot):
        await until(pilot, lambda: "bold-wren" in text(app))
        monkeypatch.setattr(RunList, "read", read)
        await pilot.press("v")
        await until(pilot, lambda: "far-run" in text(app) and "permission denied" in text(app))


def hosts(count: int) -> list[HostLine]:
    return [
        HostLine(f"host{n:02d}", (GPU,)) if n % 5 else HostLine(f"host{n:02d}", problem="x" * 300, failed=True)
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3, 20, 200])
def test_many_hosts_leave_room_for_runs(count: int) -> None:
    for width, screen in ((80, 24), (200, 50)):
        height = hosts_lines.wanted(hosts(count), screen)
        found = hosts_lines.rows(hosts(count), width, height)
        assert len(found) <= height <= screen // 4
        assert all(cells(row) <= width for row in found)
        whole = " ".join(plain(found))
        assert "host00" in whole
        assert ("more host" in whole) == (count == 200 or ((count, width) == (20, 80) and "host19" not in whole))


def test_a_busy_device_is_not_free() -> None:
    busy = replace(GPU, utilization=97.0)
    ((row, *_),) = [hosts_lines.rows([HostLine("a", (GPU, busy)), *hosts(9)], 200, 1)]
    assert "a 1 of 2 devices free" in plain([row])[0]
