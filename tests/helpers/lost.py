"""Runs whose last heartbeat came from another machine."""

from __future__ import annotations

import json
import time
from typing import Any

from dltui.core.rundir.directory import RunDirectory


def beat(run: RunDirectory, age: float, **changes: Any) -> None:
    """Write a heartbeat of another machine, so many seconds old by its own clock, whose lock is free."""
    path = run.path / "live.json"
    live = json.loads(path.read_text())
    there = {"host": "old-pod", "boot_id": "another", "time": time.time() - age, "monotonic": 0.0}
    path.write_text(json.dumps({**live, **there, "counter": live["counter"] + 1, **changes}))
    run.lock_path.touch()
