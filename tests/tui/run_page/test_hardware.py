"""The tab of the machine: strips, who holds a GPU, and that another machine's run is not mistaken for this one's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.machine.devices import Device
from dltui.core.machine.usage import Sample, Worker
from dltui.tui.draw.styled_text import Look, plain
from dltui.tui.run_page.hardware import hardware, ranks_line
from dltui.tui.run_page.hardware_watch import Hardware, HardwareWatch
from tests.tui.sample_catalog import DEVICES
from tests.tui.scenario import FakeServices, drawn, looked_inside, shown, text
from tests.tui.test_screens import ASCII, THEMES, SvgExtension, TextExtension, looks

SAMPLE = Sample(0.0, "gpu01", tuple(DEVICES[:2]), 8, 40.0, 12 * 10**9, 32 * 10**9, 10**9, 10**12, None, None)


@pytest.mark.parametrize(("theme", "size"), looks(THEMES))
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, theme: str, size: tuple[int, int]) -> None:
    async with shown(services, size, THEMES[theme], run="brisk-otter") as (app, pilot):
        await pilot.press("7")
        await drawn(pilot, lambda: looked_inside(app.screen))
        for samples in range(2, 20):
            services.now += 1.0
            await drawn(pilot, lambda samples=samples: len(app.screen.view.hardware.samples) == samples)
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("gpus", [True, False], ids=["gpus", "no-gpu"])
async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion, gpus: bool) -> None:
    services.gpus = gpus
    async with shown(services, (80, 24), ASCII, run="bold-wren") as (app, pilot):
        await pilot.press("7")
        await drawn(pilot, lambda: looked_inside(app.screen))
        assert text(app).isascii()
        assert text(app) == snapshot(extension_class=TextExtension)


def test_samples_are_a_second_apart_and_two_minutes_long() -> None:
    now = [0.0]
    asked: list[tuple[Path, int | None]] = []

    def measure(folder: Path, pid: int | None) -> Sample:
        asked.append((folder, pid))
        return replace(SAMPLE, time=now[0])

    watch = HardwareWatch(measure, lambda: now[0])
    for step in range(4 * 150):
        now[0] = step / 4
        found = watch.look(Path("/run"), "", None)
        assert found.latest.time == step // 4
    assert len(asked) == 150
    assert [found.samples[0].time, len(found.samples)] == [30.0, 120]
    assert asked[0] == (Path("/run"), None)


def test_a_run_elsewhere_is_said_and_its_process_is_not_looked_for() -> None:
    asked: list[int | None] = []

    def measure(folder: Path, pid: int | None) -> Sample:
        asked.append(pid)
        return SAMPLE

    found = HardwareWatch(measure, lambda: 0.0).look(Path("/run"), "gpu99", None)
    assert asked == [None]
    assert "the run is on gpu99, look there" in plain(hardware(found, 100, 19, 0, Look()))[0]


def test_whose_process_holds_a_gpu() -> None:
    holders = (("alice\x1b[2J", 77, 9 * 10**9), ("user", 4242, 10**9))
    gpu = replace(DEVICES[0], processes=holders)
    found = Hardware((replace(SAMPLE, gpus=(gpu,), worker=Worker(4242, 100.0, 1)),))
    rows = [row for row in plain(hardware(found, 80, 19, 0, Look())) if "held by" in row]
    assert "\x1b" not in "".join(rows)
    assert "alice" in rows[0]
    assert "process 77  9.0 GB" in rows[0]
    assert "this run" in rows[1]


def test_the_ranks_of_a_run_are_no_strangers() -> None:
    """Each GPU has one of them, a child of the worker; also in a row for each GPU."""
    gpus = [replace(DEVICES[0], name=f"cuda:{number}", processes=(("user", 100 + number, 0),)) for number in range(8)]
    worker = Worker(4242, 100.0, 1, frozenset({4242, *range(100, 107)}))
    for some, wanted in ((gpus[:1], ["accent"]), (gpus, ["accent"] * 7 + ["warn"])):
        found = Hardware((replace(SAMPLE, gpus=tuple(some), worker=worker),))
        parts = [part for row in hardware(found, 100, 19, 0, Look()) for part in row]
        assert [style for text, style in parts if text.strip() in ("user", "this run") and style != "dim"] == wanted


@pytest.mark.parametrize("height", [19, 12, 3])
def test_many_gpus_are_a_row_each_and_scroll(height: int) -> None:
    many = tuple(replace(DEVICES[number % 2], name=f"cuda:{number}") for number in range(8))
    found = Hardware((replace(SAMPLE, gpus=many),))
    seen = set()
    for first in range(20):
        rows = plain(hardware(found, 80, height, first, Look()))
        assert len(rows) <= height
        seen |= {row.split()[0] for row in rows[1:] if row.strip()}
    assert {f"cuda:{number}" for number in range(8)} <= seen
    assert {"cpu", "memory", "disk"} <= seen


def test_what_is_not_known_is_left_out() -> None:
    bare = Device("cuda:0", "Secret GPU")
    broken = Device("cuda:1", "NVIDIA GPU", problem="the GPU does not answer any more")
    sample = replace(SAMPLE, gpus=(bare, broken), cpu=None, disk_free=None, disk_total=None)
    rows = "\n".join(plain(hardware(Hardware((sample,)), 80, 19, 0, Look())))
    assert "the GPU does not answer any more" in rows
    assert "None" not in rows
    assert "load" not in rows
    assert "disk" not in rows


def test_the_slowest_rank_is_named() -> None:
    devices = [{"name": "cuda:0"}, {"name": "cuda:1"}]
    attempt = SimpleNamespace(device={"devices": devices})
    view = SimpleNamespace(history=SimpleNamespace(attempt=attempt), live=SimpleNamespace(ranks=(1250.2, 1180.0)))
    assert ranks_line(view) == "1,250, 1,180 samples/s; slowest: rank 1, cuda:1"  # type: ignore[arg-type]
    view.live.ranks = tuple(range(20, 0, -1))
    assert ranks_line(view) == "20, 19, 18, 17, 16, 15, 14, 13 and 12 more samples/s; slowest: rank 19"  # type: ignore[arg-type]
    view.live.ranks = ()
    assert ranks_line(view) == ""  # type: ignore[arg-type]
