"""The heartbeat of a worker: live.json, rewritten by a thread at least once a second while the process lives."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.machine import memory, process
from dltui.core.machine.energy import Energy
from dltui.core.machine.process import ProcessId, current
from dltui.core.machine.standstill import Standstill
from dltui.core.numbers import no_number
from dltui.core.rundir import commands
from dltui.core.text import clean_line

LEAST_SECONDS = 0.25
MOST_SECONDS = 1.0
LOG_MOST = 16 * 1024 * 1024
LOG_KEEP = 1024 * 1024
_PAD = 1024
_MOST_BYTES = 64 * 1024
"""The size limit of a heartbeat file in bytes: many times the size that a worker writes."""

UNCOUNTED = -2.0
"""The energy of a run of which a part is not known."""

DRAWN = "the figures are drawn"
"""The detail of a worker that has drawn all, and waits for its loggers alone."""


@dataclass(frozen=True)
class Live:
    """The latest heartbeat of a worker. `counter` moves with every sign of progress, `slowest` is the longest time in
    seconds between two signs of progress in training or evaluation so far; times are unix seconds.
    """

    host: str
    boot_id: str
    pid: int
    start_ticks: int
    attempt: int
    phase: str
    phase_since: float
    time: float
    detail: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    total_steps: int = 0
    counter: int = 0
    slowest: float = 0.0
    still: float = 0.0
    """Seconds without a sign of progress, by the worker's own clock."""
    rss: int = 0
    peak: int = 0
    """The most resident memory so far, in bytes."""
    memory_left: int = -1
    """Bytes that were left for it, on its machine or in its control group; -1 when unknown."""
    oom_kills: int = -1
    """The out-of-memory kills on its machine until then; -1 when unknown."""
    log_start: int = 0
    """The offset in worker.log at which this attempt began to print."""
    run: str = ""
    inode: int = 0
    """The run directory as the worker knows it: what it claims to be the worker of."""
    namespace: int = 0
    """The PID namespace in which `pid` holds; 0 when unknown."""
    monotonic: float = 0.0
    """The time when it was written, in seconds by the clock of the machine's boot; 0 when unknown."""
    gpu_joules: float = -1.0
    """The energy that the run's GPU has used in all attempts; -1 when unknown, UNCOUNTED where an attempt used devices
    of other machines, or a GPU did not tell its power for a while."""
    cpu_joules: float = -1.0
    """The same of the machine's processors."""
    ranks: tuple[float, ...] = ()
    """The samples that each of several ranks trains on in a second, without its waiting for the others."""

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.host, self.boot_id, self.pid, self.start_ticks)


_READ: dict[str, Callable[[Any], Any]] = {
    "str": clean_line,
    "int": int,
    "float": float,
    "tuple[float, ...]": lambda values: tuple(map(float, values)),
}
_KINDS = {field.name: _READ[str(field.type)] for field in dataclasses.fields(Live)}


def read_live(run_dir: Path, before: Live | None = None) -> Live | None:
    """The heartbeat of a run directory; None when there is none yet. Where there is one that cannot be read, such as on
    a network disk that hiccups, it is the one that was read `before`.
    """
    try:
        content = json.loads(fs.read_limited(run_dir / "live.json", _MOST_BYTES), parse_constant=no_number)
        return Live(**{name: kind(content[name]) for name, kind in _KINDS.items() if name in content})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return before


def is_there(run_dir: Path) -> bool:
    """True if there is a heartbeat, also one that cannot be read."""
    return os.path.lexists(run_dir / "live.json")


def _earlier_joules(run_dir: Path) -> tuple[float, float]:
    """The energy in joules that the GPU and the CPU used in earlier attempts, as in `Live`."""
    before = read_live(run_dir)
    if before is not None:
        return before.gpu_joules, before.cpu_joules
    # Of a heartbeat that a power cut has left empty nobody knows what was used until then.
    unknown = UNCOUNTED if is_there(run_dir) else -1.0
    return unknown, unknown


class Heartbeat:
    """Tells readers that the worker lives and what it is doing. All methods are cheap and safe in any thread."""

    def __init__(
        self,
        run_dir: Path,
        attempt: int,
        totals: tuple[int, int] = (0, 0),
        energy: Energy | None = None,
        phase: str = "starting",
    ) -> None:
        self._energy = energy
        self._joules = _earlier_joules(run_dir)
        self._path = run_dir / "live.json"
        self._log = run_dir / "worker.log"
        now = time.time()
        here = current()
        identity = (here.host, here.boot_id, here.pid, here.start_ticks)
        self._state = Live(
            *identity,
            attempt,
            phase,
            now,
            now,
            log_start=_size(self._log),
            run=str(run_dir),
            inode=inode(run_dir),
            namespace=process.namespace(),
        )
        self._standstill = Standstill()
        self._moved = self._now()
        self._slowest = 0.0
        self._stepping = False
        self._lock = threading.Lock()
        self._memory: tuple[float, tuple[int, int, int, int]] = (-MOST_SECONDS, (0, 0, -1, -1))
        self._ranks: tuple[tuple[float, ...], int, int] = ((), 0, 0)
        self.totals(*totals)
        self._changed = threading.Event()
        self._over = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()
        if energy is not None:
            threading.Thread(target=self._measure, name="energy", daemon=True).start()

    @property
    def standstill(self) -> float:
        """The seconds for which this process stood still so far, from outside: no part of its work took them."""
        return self._standstill.seconds

    def _now(self) -> float:
        """Seconds by a clock that stands still while this process does."""
        return time.monotonic() - self.standstill

    @property
    def current_phase(self) -> str:
        return self._state.phase

    @property
    def position(self) -> tuple[int, int]:
        """The epochs and the steps that are done, as far as they were reported."""
        return self._state.epoch, self._state.step

    def totals(self, epochs: int, total_steps: int) -> None:
        """Set the planned length of the run."""
        with self._lock:
            self._state = dataclasses.replace(self._state, epochs=epochs, total_steps=total_steps)

    def phase(self, name: str, detail: str = "") -> None:
        """Enter a phase of the worker. The same phase again only moves the counter and the detail."""
        with self._lock:
            state = self._state
            since = state.phase_since if name == state.phase else time.time()
            self._moved = self._now()
            # The first step of a phase carries its preparations: it is no measure of the others.
            self._stepping = False
            self._state = dataclasses.replace(
                state, phase=name, detail=clean_line(detail, 500), phase_since=since, counter=state.counter + 1
            )
        self._changed.set()

    def progress(self, step: int, epoch: int) -> None:
        """Report progress: `step` steps and `epoch` epochs are done."""
        with self._lock:
            now = self._now()
            if self._stepping:
                self._slowest = max(self._slowest, now - self._moved)
            self._moved, self._stepping = now, True
            counter = self._state.counter + 1
            self._state = dataclasses.replace(self._state, step=step, epoch=epoch, counter=counter)
        self._changed.set()

    def ranks(self, speeds: tuple[float, ...], rss: int, peak: int) -> None:
        """Set how fast each rank is, in samples a second, and the memory of all, now and at most."""
        with self._lock:
            self._ranks = (speeds, rss, peak)
            self._state = dataclasses.replace(self._state, ranks=tuple(round(speed, 1) for speed in speeds))

    def stop(self, final_phase: str = "ended", detail: str = "") -> None:
        """Write the last heartbeat and end the thread."""
        self.phase(final_phase, detail)
        self._over.set()
        self._changed.set()
        self._thread.join(timeout=5)
        self._write()

    def _beat(self) -> None:
        wrote = time.monotonic()
        while not self._over.is_set():
            self._standstill.wait(self._changed, MOST_SECONDS)
            # A burst of changes is one write.
            pause = LEAST_SECONDS - (time.monotonic() - wrote)
            if pause > 0:
                self._standstill.wait(self._over, pause)
            self._changed.clear()
            self._write()
            wrote = time.monotonic()
            with contextlib.suppress(OSError):
                cap(self._log)

    def _write(self) -> None:
        with self._lock:
            still, slowest = round(self._now() - self._moved, 2), round(self._slowest, 2)
            state = dataclasses.replace(self._state, time=time.time(), slowest=slowest, still=still)
            state = dataclasses.replace(state, monotonic=round(time.monotonic(), 3))
            state = self._with_energy(self._with_memory(state))
        data = json.dumps(dataclasses.asdict(state)).encode("ascii")
        data = data.ljust(-(-len(data) // _PAD) * _PAD)
        try:
            fs.write_atomic(self._path, data, sync=False)
        except OSError:
            # A full disk has no room for a second file, but the old one can be written over: that is what the
            # padding is for. Without even that the readers see an old heartbeat, which is the truth.
            with contextlib.suppress(OSError):
                self._write_over(data)

    def _with_energy(self, state: Live) -> Live:
        """The state with the energy so far. In a queue the device is another run's."""
        if self._energy is None:
            return dataclasses.replace(state, gpu_joules=self._joules[0], cpu_joules=self._joules[1])
        if self._energy.elsewhere or self._energy.partial or UNCOUNTED in self._joules:
            return dataclasses.replace(state, gpu_joules=UNCOUNTED, cpu_joules=UNCOUNTED)
        totals = [
            before if now is None else round(max(before, 0.0) + now, 1)
            for before, now in zip(self._joules, (self._energy.gpu, self._energy.cpu), strict=True)
        ]
        return dataclasses.replace(state, gpu_joules=totals[0], cpu_joules=totals[1])

    def _measure(self) -> None:
        """Read the energy once a second, in a thread of its own: a driver that hangs must not stop the heartbeat."""
        while self._energy is not None and not self._over.wait(MOST_SECONDS):
            if self._state.phase in ("queued", "released"):
                self._energy.rest()
            else:
                self._energy.measure()

    def _with_memory(self, state: Live) -> Live:
        """The state with the memory use, measured at most once a second, because it takes a third of a millisecond."""
        if time.monotonic() - self._memory[0] >= MOST_SECONDS:
            left, kills = memory.memory_left(), memory.oom_kills()
            known = (
                memory.rss() + self._ranks[1],
                memory.peak_rss() + self._ranks[2],
                -1 if left is None else left,
                -1 if kills is None else kills,
            )
            self._memory = (time.monotonic(), known)
        rss, peak, memory_left, killed = self._memory[1]
        return dataclasses.replace(state, rss=rss, peak=peak, memory_left=memory_left, oom_kills=killed)

    def _write_over(self, data: bytes) -> None:
        fd = fs.FS.open(self._path, os.O_WRONLY)
        try:
            if os.fstat(fd).st_size == len(data):
                os.pwrite(fd, data, 0)
        finally:
            fs.FS.close(fd)


def inode(path: Path) -> int:
    """The inode of a file; 0 without a file."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def cap(path: Path, most: int = LOG_MOST, keep: int = LOG_KEEP) -> None:
    """Truncate a log that grew beyond `most` bytes to its last `keep`. Its writers have it open for appending, so they
    go on at the new end; output during the truncation may be lost.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    if size <= most:
        return
    with path.open("r+b") as file:
        file.seek(size - keep)
        tail = file.read(keep)
        file.seek(0)
        file.write(b"[the start of this log was cut off]\n" + tail[tail.find(b"\n") + 1 :])
        file.truncate()


_NAME = "birth.json"


@dataclass(frozen=True)
class StartingWorker:
    """A worker that was started at the unix time `time`, `monotonic` by the clock of its machine's boot, and has not
    written a heartbeat yet. With `creator` the process is the one that made the run and has not started its worker yet.
    """

    process: ProcessId
    time: float
    creator: bool = False
    monotonic: float = 0.0
    waiting: tuple[str, ...] | None = None
    """The ids of the commands that lay there already: they were meant for another worker. None where it is not known.
    """

    def is_older(self, live: Live) -> bool:
        """True if the heartbeat was written later: by the clock of the boot where both know it, which setting the time
        of day does not change.
        """
        if self.monotonic and live.monotonic and self.process.boot_id == live.boot_id:
            return self.monotonic < live.monotonic
        return self.time < live.time


def record_starting(run_dir: Path, pid: int, creator: bool = False) -> None:
    """Record that process `pid` of this host is about to become the worker, or, as the run's `creator`, to start it.
    Disk errors are ignored.
    """
    ticks = process.start_ticks(pid) or 0
    content = {"host": process.this_host(), "boot_id": process.boot_id(), "pid": pid, "start_ticks": ticks}
    content |= {"time": time.time(), "monotonic": round(time.monotonic(), 3), "creator": creator}
    content |= {"waiting": commands.waiting_ids(run_dir)}
    with contextlib.suppress(OSError):
        fs.write_atomic(run_dir / _NAME, json.dumps(content).encode("ascii"), sync=False)


def is_starting(run_dir: str) -> bool:
    """True if there is a record of a starting worker."""
    return os.path.lexists(f"{run_dir}/{_NAME}")


def clear_starting(run_dir: Path) -> None:
    """Remove the record of a starting worker, which now has its heartbeat."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(run_dir / _NAME)


def commands_before(run_dir: Path) -> tuple[str, ...] | None:
    """The ids of the commands that were there before this process was started as the worker, and were meant for
    another. None where it is not known: those that are there.
    """
    starting = read_starting(run_dir)
    mine = starting is not None and not starting.creator and starting.process.pid == os.getpid()
    return starting.waiting if starting is not None and mine else None


def read_starting(run_dir: Path) -> StartingWorker | None:
    """The record of a worker that is starting; None when there is none, or it cannot be read."""
    try:
        found: dict[str, Any] = json.loads(fs.read_limited(run_dir / _NAME, _MOST_BYTES), parse_constant=no_number)
        identity = ProcessId(str(found["host"]), str(found["boot_id"]), int(found["pid"]), int(found["start_ticks"]))
        waiting = tuple(map(str, found["waiting"])) if isinstance(found.get("waiting"), list) else None
        creator, monotonic = found.get("creator") is True, float(found.get("monotonic") or 0.0)
        return StartingWorker(identity, float(found["time"]), creator, monotonic, waiting)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
