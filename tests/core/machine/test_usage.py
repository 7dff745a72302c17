"""Samples of a machine: rates are those since the last one, and what is not known is not made up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from dltui.core.machine.devices import Device
from dltui.core.machine.usage import Meter
from tests.core.machine.test_devices import FakeNvml


class Machine:
    """Two seconds between looks; half of the processors' time idle, a megabyte written, a process that has started
    another, each on a core."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        self.now += 2.0
        return self.now

    def cpu_times(self) -> Any:
        return type("Times", (tuple,), {"idle": self.now, "iowait": 0.0})((self.now, self.now))

    def disk_io_counters(self) -> Any:
        return SimpleNamespace(read_bytes=0, write_bytes=int(self.now * 500_000))

    def process(self, pid: int) -> Any:
        if pid != os.getpid():
            raise psutil.NoSuchProcess(pid)
        known: dict[str, Any] = {
            "cpu_times": lambda: (self.now * 0.75, self.now * 0.25, 0.0),
            "memory_info": lambda: SimpleNamespace(rss=500),
        }
        child = SimpleNamespace(**known, pid=77)
        return SimpleNamespace(**known, children=lambda recursive: [child])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine()
    monkeypatch.setattr(psutil, "cpu_times", made.cpu_times)
    monkeypatch.setattr(psutil, "disk_io_counters", made.disk_io_counters)
    monkeypatch.setattr(psutil, "Process", made.process)
    return made


def test_rates_need_two_looks(machine: Machine, tmp_path: Path) -> None:
    meter = Meter(machine.clock)
    first, second = meter.sample(tmp_path, os.getpid()), meter.sample(tmp_path, os.getpid())
    assert (first.cpu, first.read_rate, first.write_rate) == (None, None, None)
    assert first.worker is not None
    assert first.worker.cpu is None
    assert (second.cpu, second.read_rate, second.write_rate) == (50.0, 0.0, 500_000.0)
    assert second.worker is not None
    assert (second.worker.cpu, second.worker.rss) == (200.0, 1000)
    assert first.worker.pids == second.worker.pids == {os.getpid(), 77}
    assert 0 < second.memory_used < second.memory_total


def test_a_process_that_is_gone_is_none(machine: Machine, tmp_path: Path) -> None:
    assert Meter(machine.clock).sample(tmp_path, 999_999_999).worker is None
    assert Meter(machine.clock).sample(tmp_path).worker is None


def test_a_folder_that_does_not_exist_is_on_the_disk_of_its_parents(machine: Machine, tmp_path: Path) -> None:
    found = Meter(machine.clock).sample(tmp_path / "not" / "yet")
    assert found.disk_total == psutil.disk_usage(str(tmp_path)).total


def test_a_machine_without_disk_counters(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: None)
    meter = Meter(machine.clock)
    assert [(meter.sample(tmp_path).read_rate, meter.sample(tmp_path).write_rate)] == [(None, None)]


def test_gpus_in_the_order_of_cuda_visible_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())  # type: ignore[arg-type]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    before = Meter().sample(tmp_path).gpus
    assert len(before) >= 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    after = Meter().sample(tmp_path).gpus
    assert [gpu.uuid for gpu in after] == [before[1].uuid, before[0].uuid]
    assert [gpu.name for gpu in after] == ["cuda:0", "cuda:1"]


def test_gpus_that_no_driver_lists(tmp_path: Path) -> None:
    found = [Device("cuda:0", "AMD Instinct"), Device("cpu", "a CPU")]
    assert Meter(devices=lambda: found).sample(tmp_path).gpus == (found[0],)


def test_this_very_machine(tmp_path: Path) -> None:
    meter = Meter()
    meter.sample(tmp_path, os.getpid())
    sum(number * number for number in range(300_000))
    found = meter.sample(tmp_path, os.getpid())
    assert found.cpu is None or 0 <= found.cpu <= 100
    assert found.worker is not None
    assert found.worker.rss > 1_000_000
