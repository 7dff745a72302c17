"""A home full of runs, a catalog and devices without any process behind them, for tests of the screen."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dltui.core.analysis.cost import Prices
from dltui.core.catalog.entries import Catalog
from dltui.core.contract import Preview
from dltui.core.errors import UsageError
from dltui.core.finders.find import Rates
from dltui.core.lifecycle.forms.presets import Presets
from dltui.core.lifecycle.resume import Resumption
from dltui.core.machine.devices import Device
from dltui.core.machine.usage import Sample, Worker
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import RunEnded
from dltui.core.rundir.log import EventLog
from dltui.tui.app import DltuiApp, make_app
from dltui.tui.base.rows import Rows
from dltui.tui.base.services import Services
from dltui.tui.base.services.new_runs import CatalogLoader, Finding, Starting, WarmProcess
from dltui.tui.base.services.results import Exporting
from dltui.tui.base.services.runs import Commands, Runs
from dltui.tui.base.services.this_host import Clock, Machine, SettingsFile, Viewer
from dltui.tui.new_run.page import NewRunPage
from dltui.tui.run_list.page import RunsPage
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.settings import ScreenSettings
from tests.helpers.looked import look
from tests.helpers.sample_rates import sample_rates
from tests.helpers.sample_run import BEGAN, make_sample_run
from tests.tui.sample_catalog import DEVICES, make_catalog

NOW = BEGAN + 30.4
RUNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("brisk-otter", "running", {}),
    ("calm-ibis", "paused", {}),
    ("dull-crab", "starting", {}),
    ("bold-wren", "finished", {}),
    ("lines-1", "finished", {"task": "regression"}),
    ("cold-yak", "interrupted", {}),
    ("wild-moth", "failed", {"done": 2}),
    ("shy-newt", "stopped", {"done": 4}),
)


def make_home(root: Path, runs: tuple[tuple[str, str, dict[str, Any]], ...] = RUNS) -> Path:
    """Run directories as in real life, but always the same to the letter."""
    for number, (name, status, more) in enumerate(runs):
        run = make_sample_run(root, status=status, run_id=name, seed=number, **more)
        asked = json.loads(run.run_json.read_text())
        asked["exports"] = f"/home/user/lab/exports/{name}"
        run.run_json.write_text(json.dumps(asked))
    return root


class FakeServices(Services):
    """Real run directories below `root`; a fixed clock; nothing is started, everything is noted."""

    def __init__(self, root: Path, read_only: bool = False, torch: bool = True) -> None:
        super().__init__(read_only)
        self.root = root
        self.now = NOW
        self.torch = torch
        self.started: list[Any] = []
        self.queued: list[Any] = []
        self.saved = ScreenSettings()
        self.resumed: list[tuple[str, int]] = []
        self.forked: list[tuple[str, list[str]]] = []
        self.differs: tuple[str, ...] = ()
        self.refuses = ""
        self.gpus = True
        self.measured = 0
        self.progress: list[str] = []
        self.broken: set[str] = set()
        self.go_on = threading.Event()
        self.warmed: list[tuple[str, str]] = []
        self.asked: list[Any] = []
        self.held = False
        self.cancelled = 0
        self.cooled = 0
        self.killed: list[str] = []
        self.meant_for: list[int | None] = []
        """The attempts of the runs that were killed."""
        self.tried: list[list[str]] = []
        self.looked: list[str] = []
        self.clock = FakeClock(self)
        self.viewer = FakeViewer(read_only)
        self.settings = FakeSettingsFile(self)
        self.runs = FakeRuns(self)
        self.catalog = FakeCatalogLoader(self)
        self.machine = FakeMachine(self)
        self.starting = FakeStarting(self)
        self.finding = FakeFinding(self)
        self.warm = FakeWarmProcess(self)
        self.commands = FakeCommands(self)
        self.exporting = FakeExporting(self)


class FakeClock(Clock):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def now(self) -> float:
        return self.notes.now

    def passed(self) -> float:
        return self.notes.now

    def time_of_day(self, when: float, seconds: bool = False) -> str:
        return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.gmtime(when))


class FakeViewer(Viewer):
    def where(self) -> str:
        return "user@gpu01"

    def host(self) -> str:
        return "gpu01"


class FakeSettingsFile(SettingsFile):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def load(self) -> ScreenSettings:
        return self.notes.saved

    def save(self, settings: ScreenSettings) -> None:
        self.notes.saved = settings


class FakeRuns(Runs):
    def __init__(self, notes: FakeServices) -> None:
        self.root = notes.root

    def find(self, text: str | None) -> RunDirectory:
        return RunDirectory(self.root / str(text))

    def folder(self) -> Path:
        return self.root

    def all(self) -> list[RunDirectory]:
        return (
            [RunDirectory(path) for path in sorted(self.root.iterdir()) if path.name[0] != "."]
            if self.root.is_dir()
            else []
        )


class FakeCatalogLoader(CatalogLoader):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def load(self) -> Catalog:
        return make_catalog(self.notes.torch)

    def of_run(self, run: RunDirectory) -> tuple[Catalog, tuple[str, ...]]:
        return self.load(), ()

    def presets(self) -> Presets:
        return Presets(environment={})

    def presence(self, dataset: Any) -> str:
        return {"fashion-mnist": "here", "digits": "embedded"}.get(dataset.name, "embedded")

    def preview(self, dataset: Any, options: Any) -> Preview:
        """Of four classes, whatever the path is, but for one."""
        if dataset.given["path"] == "/no/such":
            raise UsageError("/no/such is not there")
        pixels = [base64.b64encode(bytes([40 * number, 200, 255 - 40 * number]) * 64).decode() for number in range(4)]
        return Preview(
            facts=(("images", "1,240 in 4 classes"), ("splits", "drawn: 20% test"), ("sizes", "8x8")),
            classes=(("Hund", 400), ("猫", 340), ("otter", 300), ("emu", 200)),
            samples=tuple((name, 8, 8, rgb) for name, rgb in zip(("Hund", "猫", "otter", "emu"), pixels, strict=True)),
            notes=("2 files are no images",),
            train=893,
            image=(8, 8, 3),
        )


class FakeMachine(Machine):
    def __init__(self, notes: FakeServices) -> None:
        super().__init__()
        self.notes = notes

    def devices(self) -> list[Device]:
        return DEVICES

    def prices(self) -> Prices:
        return Prices()

    def measure(self, folder: Path, pid: int | None) -> Sample:
        """Two minutes of the same machine: loads that rise and fall, the second GPU free."""
        self.notes.measured += 1
        loads = [(self.notes.measured * 7) % 100.0, 0.0]
        gpus = tuple(replace(gpu, utilization=load) for gpu, load in zip(DEVICES[:2], loads, strict=True))
        disk = (412_000_000_000, 1_000_000_000_000)
        worker = None if pid is None else Worker(4242, 780.0, 412 << 20)
        return Sample(
            self.notes.now,
            "gpu01",
            gpus if self.notes.gpus else (),
            8,
            40.0,
            12_000_000_000,
            32_000_000_000,
            *disk,
            0.0,
            12e6,
            worker,
        )


class FakeStarting(Starting):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def start(self, request: Any, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        for text in self.notes.progress:
            tell(text)
            self.notes.go_on.wait(10)
        if self.notes.refuses:
            raise UsageError(self.notes.refuses)
        self.notes.started.append(request)
        return make_sample_run(self.notes.root, status="starting", run_id=request.name or "new-run")

    def try_out(self, command: Sequence[str]) -> None:
        if self.notes.refuses:
            raise UsageError(self.notes.refuses)
        self.notes.tried.append(list(command))

    def enqueue(self, request: Any, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        self.notes.queued.append(request)
        return make_sample_run(self.notes.root, status="queued", run_id=request.name or "new-run")

    def resumption(self, run: RunDirectory, more_epochs: int | None = None) -> Resumption:
        return Resumption(
            "interrupted: the worker was killed", "restored: all of a01-step-00000240", self.notes.differs, 10, 6
        )

    def resume(self, run: RunDirectory, more_epochs: int = 0) -> None:
        self.notes.resumed.append((run.id, more_epochs))

    def fork(self, run: RunDirectory, words: list[str]) -> RunDirectory:
        self.notes.forked.append((run.id, words))
        return RunDirectory(run.path.with_name(f"{run.id}-fork"))


class FakeFinding(Finding):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def finder(self, tell: Any, point: Any = lambda lr, loss: None) -> Any:
        return FakeFinder(self.notes, tell, point)


class FakeFinder:
    """Finds at once, or with `held` stops on the way until `go_on`."""

    def __init__(self, notes: FakeServices, tell: Any, point: Any) -> None:
        self.notes, self.tell, self.point = notes, tell, point

    def rates(self, request: Any, catalog: Catalog) -> Rates:
        self.notes.asked.append(request)
        found = sample_rates(request.model, request.dataset)
        self.tell("testing learning rates")
        for lr, loss in zip(found.lr[:60], found.loss, strict=False):
            self.point(lr, loss)
        if self.notes.held:
            self.notes.go_on.wait(10)
        if self.notes.refuses:
            raise UsageError(self.notes.refuses)
        return found

    def batch_size(self, request: Any, catalog: Catalog) -> tuple[int, str]:
        self.notes.asked.append(request)
        if self.notes.held:
            self.notes.go_on.wait(10)
        if self.notes.refuses:
            raise UsageError(self.notes.refuses)
        return 4096, "13 steps an epoch; twice as much would leave fewer than 10"

    def cancel(self) -> None:
        self.notes.cancelled += 1


class FakeWarmProcess(WarmProcess):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def begin(self, catalog: Catalog, framework: str, device: str) -> None:
        self.notes.warmed.append((framework, device))

    def end(self) -> None:
        self.notes.cooled += 1


class FakeCommands(Commands):
    def __init__(self, notes: FakeServices) -> None:
        self.notes = notes

    def kill_cost(self, run: RunDirectory) -> str:
        if self.notes.refuses:
            raise UsageError(self.notes.refuses)
        return "last checkpoint 40 s ago, 212 steps"

    def kill(self, run: RunDirectory, attempt: int | None = None) -> None:
        self.notes.killed.append(run.id)
        self.notes.meant_for.append(attempt)


class FakeExporting(Exporting):
    def __init__(self, notes: FakeServices) -> None:
        super().__init__(notes.viewer)
        self.notes = notes

    def export(self, run: RunDirectory) -> Path:
        if run.id in self.notes.broken:
            raise UsageError("figures not drawn: the disk is full")
        return Path(f"/home/user/lab/exports/{run.id}")

    def look_inside(self, run: RunDirectory) -> list[str]:
        self.notes.looked.append(run.id)
        look(run, ("heat-maps",))
        return []

    def copy_line(self, *folders: Path) -> str:
        return f"scp -r {' '.join(f'user@gpu01:{folder}' for folder in folders)} ."


def finish(services: FakeServices, run: str) -> None:
    """Write what the worker of a live run writes when all epochs are done."""
    log = EventLog(RunDirectory(services.root / run).events_path, 1)
    log.append(RunEnded("finished", "all epochs done", None, 10, 400, 45.0, 40.0, "ab" * 32, {}))
    log.close()


@asynccontextmanager
async def shown(
    services: FakeServices,
    size: tuple[int, int] = (80, 24),
    terminal: Terminal | None = None,
    run: str | None = None,
    new: bool = False,
) -> AsyncIterator[tuple[DltuiApp, Any]]:
    """The app on a screen, after it has read what it shows."""
    directory = None if run is None else RunDirectory(services.root / run)
    app = make_app(services, terminal or Terminal(), directory, new, settings=services.saved)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        # What was read may take other room, and is drawn once that is there.
        await pilot.pause()
        yield app, pilot


def ready(app: DltuiApp) -> bool:
    """Whether the page on top has read what it shows."""
    page: Any = app.screen
    if hasattr(page, "found"):
        return page.found is not None
    if isinstance(page, NewRunPage):
        return page.state.form is not None
    if hasattr(page, "view"):
        return page.view is not None
    return bool(page.state.read and page.state.devices is not None and previewed(app))


def previewed(app: DltuiApp) -> bool:
    """Whether the list of runs shows the preview of the selected run, if it has room for one."""
    page = app.screen
    if not isinstance(page, RunsPage) or not page.preview.has_room or page.state.line is None:
        return True
    return page.preview.found is not None and page.preview.found.line == page.state.line.id


def looked_inside(page: Any) -> bool:
    """Whether the open tab of a run has what it shows."""
    wants = page.tabs.open.wants
    if "hardware" in wants:
        return page.view.hardware is not None
    if page.view.inside == "fit" or "inside" not in wants:
        return True
    looked = page.view.masks if page.view.inside == "masks" else page.view.mistakes
    return page.view.matrix is not None and ("mistakes" not in wants or looked is not None)


async def until(pilot: Any, condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what a thread brings, and until all has been drawn in the room that it then has."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.02)
    await pilot.pause()
    while not fills_its_room(pilot.app):
        assert time.monotonic() < end, "it has other room than it was drawn for"
        await asyncio.sleep(0.02)
    await pilot.pause()


def fills_its_room(app: Any) -> bool:
    """Whether all rows were drawn for the room that they have: when others take less of it they are told later."""
    shown = (rows for rows in app.screen.query(Rows) if rows.is_on_screen)
    return all(rows._room == rows.size for rows in shown)


async def drawn(pilot: Any, condition: Callable[[], bool]) -> None:
    """Wait for what a thread brings, and until it is on the screen."""
    await until(pilot, condition)
    pilot.app.screen.redraw()
    await pilot.pause()


async def resized(pilot: Any, size: tuple[int, int]) -> None:
    """Give the terminal another size, and wait until all of it is drawn."""
    await pilot.resize_terminal(*size)
    width, height = size
    await drawn(pilot, lambda: [len(line) for line in lines(pilot.app)] == [width] * height)


def lines(app: DltuiApp) -> list[str]:
    """What is on the screen, as text."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def text(app: DltuiApp) -> str:
    return "\n".join(lines(app))
