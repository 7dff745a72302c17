"""Runs dltui as a user does, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import Live, read_live
from dltui.core.worker import figures

TIMEOUT = 240


class Program:
    """`dltui` with its own home, cache and working folder. Its runs draw no figures, which takes longer than most of
    them train, before `draws` is called.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        # CI means plain lines, and these are the journeys of a person.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DLTUI_") and key != "CI"}
        # One thread: the tests share few cores, and sums do not depend on how many there are.
        self.environment = kept | {"DLTUI_HOME": str(self.home), "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
        self.environment["DLTUI_FORMAT"] = figures.NONE

    def draws(self) -> None:
        """From now on its runs draw figures when they end."""
        del self.environment["DLTUI_FORMAT"]

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end and check the exit code."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "dltui", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self._logs()}"
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def run(self, name: str) -> Path:
        return self.home / "runs" / name

    def reader(self, name: str) -> RunReader:
        reader = RunReader(self.run(name))
        reader.refresh()
        return reader

    def summary(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "exports" / name / "summary.json").read_text())
        return found

    def wait(self, name: str, ready: Callable[[Live], bool], seconds: float = 120) -> Live:
        """Poll the heartbeat until it is `ready`."""
        deadline = time.monotonic() + seconds
        while True:
            live = read_live(self.run(name))
            if live is not None and ready(live):
                return live
            assert time.monotonic() < deadline, f"waited in vain: {live}\n{self._logs()}"
            time.sleep(0.01)

    def wait_status(self, name: str, status: str, seconds: float = 2) -> None:
        """Poll until the run's status is this one: two seconds after a death it has to be true."""
        deadline = time.monotonic() + seconds
        while (seen := self.reader(name).status()).name != status:
            assert time.monotonic() < deadline, f"{name} is {seen}, not {status}"
            time.sleep(0.02)

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.home.glob("runs/*/worker.log"))
