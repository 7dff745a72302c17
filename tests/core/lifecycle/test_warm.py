"""A process that waits for its run becomes the worker, or leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dltui.core import paths
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle import start, warm
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.machine.devices import Device
from dltui.core.reading.reader import RunReader

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
CPU = Device("cpu", "CPU")
NOTHING: Mapping[str, Any] = {}
"""A source that cannot be loaded: it is not the waiting process that says so."""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(plugins=[FAKE])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    paths.ensure_private_dir(paths.home())
    yield
    warm.end()


def begin(source: Mapping[str, Any] = NOTHING) -> subprocess.Popen[bytes]:
    warm.begin(sys.executable, start.whole_environment(CPU), "numpy", source)
    return warm._warm[0].process


def request() -> RunRequest:
    return RunRequest("softmax-numpy", "blobs", config={"epochs": 1}, plugins=[FAKE], device="cpu")


def test_it_becomes_the_worker(catalog: Catalog) -> None:
    waiting = begin(catalog.backends["numpy"].source)
    run = create_run(request(), catalog)
    assert start.spawn_worker(run) == waiting.pid
    assert waiting.wait(120) == 0
    reader = RunReader(run)
    reader.refresh()
    assert reader.history.ended is not None, run.worker_log.read_text()
    assert reader.history.ended.status == "finished", reader.history.ended
    assert reader.history.attempt is not None
    assert reader.history.attempt.pid == waiting.pid
    assert not warm._warm, "used up"


def test_its_descriptors_are_a_workers(catalog: Catalog, tmp_path: Path) -> None:
    """The log behind what was there, nothing on standard input."""
    waiting = begin()
    run = create_run(request(), catalog)
    run.worker_log.write_text("before\n")
    command = [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", str(tmp_path / "nowhere")]
    taken = warm.take(command, start.whole_environment(CPU), run.worker_log)
    assert taken is waiting
    assert waiting.wait(60) == 1
    before, *printed = run.worker_log.read_text().splitlines()
    assert before == "before"
    assert printed[-1].startswith("dltui: ") or "nowhere" in printed[-1]


def test_another_environment_or_interpreter_needs_another_process(catalog: Catalog) -> None:
    waiting = begin()
    command = [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", "run"]
    environment = start.whole_environment(CPU)
    log = paths.home() / "log"
    assert warm.take(command, {**environment, "CUDA_VISIBLE_DEVICES": "GPU-1"}, log) is None
    assert warm.take(["/other/python", *command[1:]], environment, log) is None
    assert warm.take([sys.executable, "-c", "pass"], environment, log) is None
    assert waiting.poll() is None, "still there for the right one"


def test_the_same_is_not_begun_twice_and_another_takes_its_place() -> None:
    first = begin()
    assert begin() is first
    other = begin({"name": "another"})
    assert other is not first
    assert first.poll() is not None
    assert len(warm._warm) == 1


def test_it_leaves_with_the_program_that_began_it() -> None:
    waiting = begin()
    assert waiting.stdin is not None
    waiting.stdin.close()
    assert waiting.wait(60) == 0


@pytest.mark.longest
def test_it_leaves_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> None:
    monkeypatch.setattr(warm, "SECONDS", 0.0)
    waiting = begin()
    assert waiting.wait(60) == 0
    monkeypatch.setattr(warm, "SECONDS", 60.0)
    run = create_run(request(), catalog)
    assert start.spawn_worker(run) != waiting.pid
    assert start._WORKERS[0].wait(120) == 0


def test_nothing_where_memory_is_short_or_the_interpreter_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = dict(os.environ)
    warm.begin("/nowhere/python", environment, "numpy", {})
    assert not warm._warm
    monkeypatch.setattr(warm, "memory_left", lambda: 1 << 30)
    warm.begin(sys.executable, environment, "numpy", {})
    assert not warm._warm
