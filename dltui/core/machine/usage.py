"""Samples the machine's load: GPUs, processors, memory, the disk of a run and the process that trains it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core.machine.devices import Device, cpu_count, list_devices
from dltui.core.machine.process import this_host


@dataclass(frozen=True)
class Worker:
    """The process of a run with those that it has started: processor time in percent of a core, and memory; None before
    two samples."""

    pid: int
    cpu: float | None
    rss: int
    pids: frozenset[int] = frozenset()
    """Its own and those of all that it has started, such as its ranks."""


@dataclass(frozen=True)
class Sample:
    """A sample of the load. Percentages are 0 to 100, sizes bytes, rates bytes per second; None for unknown values."""

    time: float
    host: str
    gpus: tuple[Device, ...]
    cores: int
    cpu: float | None
    """The load of all processors."""
    memory_used: int
    memory_total: int
    disk_free: int | None
    disk_total: int | None
    read_rate: float | None
    write_rate: float | None
    worker: Worker | None = None


class Meter:
    """Samples the machine; rates are measured since the last sample. For use in a single thread."""

    def __init__(
        self, clock: Callable[[], float] = time.time, devices: Callable[[], list[Device]] = list_devices
    ) -> None:
        """`devices` lists those of this machine."""
        self._clock, self._devices = clock, devices
        self._cpu: tuple[float, float] | None = None
        self._disk: tuple[float, int, int] | None = None
        self._worker: tuple[int, float, float] | None = None

    def sample(self, folder: Path, pid: int | None = None) -> Sample:
        """Take a sample. `folder` selects the disk, `pid` the worker. Never raises for missing values."""
        import psutil

        now = self._clock()
        memory = psutil.virtual_memory()
        disk = _disk(folder)
        read, written = self._rates(now)
        return Sample(
            time=now,
            host=this_host(),
            gpus=tuple(device for device in self._devices() if device.kind != "cpu"),
            cores=cpu_count(),
            cpu=self._load(),
            memory_used=int(memory.total - memory.available),
            memory_total=int(memory.total),
            disk_free=disk and disk[0],
            disk_total=disk and disk[1],
            read_rate=read,
            write_rate=written,
            worker=None if pid is None else self._process(pid, now),
        )

    def _load(self) -> float | None:
        """The percentage of busy time of all processors since the last sample."""
        import psutil

        times = psutil.cpu_times()
        idle = float(times.idle) + float(getattr(times, "iowait", 0.0))
        # Linux counts guests as user time already.
        total = sum(times) - float(getattr(times, "guest", 0.0)) - float(getattr(times, "guest_nice", 0.0))
        before, self._cpu = self._cpu, (idle, total)
        if before is None or total <= before[1]:
            return None
        return min(max(100 * (1 - (idle - before[0]) / (total - before[1])), 0.0), 100.0)

    def _rates(self, now: float) -> tuple[float | None, float | None]:
        """The bytes per second read from and written to all disks."""
        import psutil

        counters: Any = None
        with contextlib.suppress(OSError, RuntimeError, NotImplementedError):
            counters = psutil.disk_io_counters()
        if counters is None:
            return None, None
        before, self._disk = self._disk, (now, counters.read_bytes, counters.write_bytes)
        if before is None or now <= before[0]:
            return None, None
        seconds = now - before[0]
        read, written = (max(value - old, 0) / seconds for value, old in zip(self._disk[1:], before[1:], strict=True))
        return read, written

    def _process(self, pid: int, now: float) -> Worker | None:
        import psutil

        pids = {pid}
        try:
            spent, rss = _used(psutil.Process(pid))
            # Its ranks, and what it has started besides.
            for child in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    more, also = _used(child)
                    spent, rss = spent + more, rss + also
                    pids.add(child.pid)
        except (psutil.Error, OSError):
            return None
        before, self._worker = self._worker, (pid, now, spent)
        if before is None or before[0] != pid or now <= before[1]:
            return Worker(pid, None, rss, frozenset(pids))
        return Worker(pid, max(100 * (spent - before[2]) / (now - before[1]), 0.0), rss, frozenset(pids))


def _used(process: Any) -> tuple[float, int]:
    """The processor time in seconds and the memory in bytes of a process."""
    return float(sum(process.cpu_times()[:2])), int(process.memory_info().rss)


def _disk(folder: Path) -> tuple[int, int] | None:
    """The free and the total bytes of the disk that holds a folder, or will hold it."""
    import psutil

    for place in (folder, *folder.parents):
        try:
            found = psutil.disk_usage(str(place))
        except OSError:
            continue
        return int(found.free), int(found.total)
    return None
