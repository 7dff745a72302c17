"""The heartbeat: what a worker is doing at this moment, in a small file that a thread rewrites."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dltui.core import fs
from dltui.core.process import ProcessId, current

FILE = "live.json"
INTERVAL = 0.25
LONGEST_SILENCE = 1.0
LOG_LIMIT = 16 << 20
LOG_KEPT = 1 << 20

# How many seconds without progress are normal in a phase; the slowest step so far stretches it.
PATIENCE = {"starting": 120.0, "importing": 300.0, "loading data": 900.0, "building": 300.0, "exporting": 600.0}
USUAL_PATIENCE = 30.0
FIRST_STEPS_PATIENCE = 300.0


@dataclass(frozen=True)
class Live:
    """One reading. Times are unix seconds on the worker's clock; `patience` is how long `counter` may stand still;
    `rss` is the largest resident memory so far in bytes. `step` counts from 0, `epoch` is epochs done."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int
    attempt: int
    phase: str
    phase_since: float
    detail: str
    epoch: int
    epochs: int
    step: int
    total_steps: int
    counter: int
    moved: float
    patience: float
    time: float
    rss: int

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.host, self.boot_id, self.pid, self.start_ticks)


class Heartbeat:
    """Started at once; every method is cheap and safe to call from the training thread."""

    def __init__(self, run_path: Path, attempt: int, now: Callable[[], float] = time.time) -> None:
        self._path = run_path / FILE
        self._log = run_path / "worker.log"
        self._now = now
        self._me = current()
        self._attempt = attempt
        self._phase, self._detail, self._since = "starting", "", now()
        self._step = self._total_steps = self._epoch = self._epochs = 0
        self._counter, self._moved, self._slowest = 0, now(), 0.0
        self._stepped = False
        self._quit = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def current_phase(self) -> tuple[str, str]:
        return self._phase, self._detail

    def phase(self, name: str, detail: str = "") -> None:
        """What begins now. The same phase again keeps its start."""
        if name != self._phase:
            self._since = self._now()
        self._phase, self._detail = name, detail
        self._move()

    def totals(self, epochs: int, total_steps: int) -> None:
        self._epochs, self._total_steps = epochs, total_steps

    def progress(self, step: int, epoch: int) -> None:
        """`step` global steps and `epoch` epochs are done."""
        self._step, self._epoch = step, epoch
        if self._stepped:
            self._slowest = max(self._slowest, self._now() - self._moved)
        self._stepped = True
        self._move()

    def stop(self, phase: str) -> None:
        """Write a last reading and end the thread."""
        self.phase(phase)
        self._quit.set()
        self._thread.join(timeout=2)
        self._write()

    def _move(self) -> None:
        self._counter += 1
        self._moved = self._now()

    def _patience(self) -> float:
        if self._phase in PATIENCE:
            return PATIENCE[self._phase]
        return max(USUAL_PATIENCE, 4 * self._slowest) if self._stepped else FIRST_STEPS_PATIENCE

    def _beat(self) -> None:
        written = (-1, 0.0)
        while not self._quit.wait(INTERVAL):
            counter, last = written
            if self._counter != counter or time.monotonic() - last >= LONGEST_SILENCE:
                written = (self._counter, time.monotonic())
                self._write()
                self._cap_log()

    def _write(self) -> None:
        live = Live(
            **asdict(self._me),
            attempt=self._attempt,
            phase=self._phase,
            phase_since=self._since,
            detail=self._detail,
            epoch=self._epoch,
            epochs=self._epochs,
            step=self._step,
            total_steps=self._total_steps,
            counter=self._counter,
            moved=self._moved,
            patience=self._patience(),
            time=self._now(),
            rss=_peak_rss(),
        )
        # A full disk must not end the run; the reader then sees an old file and says so.
        with contextlib.suppress(OSError):
            fs.write_atomic(self._path, json.dumps(asdict(live)).encode(), sync=False)

    def _cap_log(self) -> None:
        """Keep what a chatty library prints from filling the disk; the log is opened for appending."""
        with contextlib.suppress(OSError):
            size = self._log.stat().st_size
            if size <= LOG_LIMIT:
                return
            with self._log.open("rb+") as file:
                file.seek(size - LOG_KEPT)
                kept = file.read()
                file.seek(0)
                file.truncate()
            with self._log.open("ab") as file:
                file.write(b"[older output was dropped]\n" + kept)


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_live(run_path: Path) -> Live | None:
    """The last reading; None when there is none or it cannot be read."""
    try:
        record = json.loads((run_path / FILE).read_bytes())
        return Live(**{field.name: record[field.name] for field in fields(Live)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
