"""A worker between its creation and its first heartbeat: who started it leaves its identity, so that a worker which
dies while it is born is known to be dead at once."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import fs, process
from dltui.core.live import read_live
from dltui.core.process import ProcessId

_NAME = "birth.json"
_LAST_SECONDS = 120.0


@dataclass(frozen=True)
class Birth:
    """A worker that was started at the unix time `time` and has not said anything yet."""

    process: ProcessId
    time: float


def wait_for_last(run_dir: Path) -> None:
    """Wait for the last worker of a run that has ended: it still draws the figures, and holds the run until then."""
    deadline = time.monotonic() + _LAST_SECONDS
    while time.monotonic() < deadline:
        live = read_live(run_dir)
        if live is None or live.phase not in ("exporting", "ended") or not process.alive(live.process):
            return
        time.sleep(0.05)


def announce(run_dir: Path, pid: int) -> None:
    """Say that process `pid` of this host is about to become the worker. A disk that refuses costs only that."""
    ticks = process.start_ticks(pid) or 0
    content = {"host": process.this_host(), "boot_id": process.boot_id(), "pid": pid, "start_ticks": ticks}
    with contextlib.suppress(OSError):
        fs.write_atomic(run_dir / _NAME, json.dumps({**content, "time": time.time()}).encode("ascii"), sync=False)


def born(run_dir: Path) -> None:
    """The worker has its heartbeat."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(run_dir / _NAME)


def read_birth(run_dir: Path) -> Birth | None:
    """None when no worker is being born, or it cannot be read."""
    try:
        found: dict[str, Any] = json.loads((run_dir / _NAME).read_bytes())
        identity = ProcessId(str(found["host"]), str(found["boot_id"]), int(found["pid"]), int(found["start_ticks"]))
        return Birth(identity, float(found["time"]))
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
