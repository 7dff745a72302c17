"""Starts a worker while the user still fills the form: a process that has imported the framework and waits for its run,
so that training starts at once. It touches no device. It ends by itself when it is not used, and with the program
that started it.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import paths
from dltui.core.machine import priority
from dltui.core.machine.memory import memory_left

SECONDS = 60.0
"""The time in seconds that a process waits for a run."""
_MARGIN = 5.0
_LEAST_MEMORY = 4 << 30
_MODULE = "dltui.core.worker.worker_process"


@dataclass(frozen=True)
class _Warm:
    process: subprocess.Popen[bytes]
    python: str
    environment: dict[str, str]
    backend: str
    began: float

    def takes(self, python: str, environment: dict[str, str]) -> bool:
        """True if the process can become this worker. A process that has waited almost to its end is not used."""
        young = time.monotonic() - self.began < SECONDS - _MARGIN
        return young and (self.python, self.environment) == (python, environment) and self.process.poll() is None


_lock = threading.Lock()
_warm: list[_Warm] = []


def begin(python: str, environment: dict[str, str], framework: str, source: Mapping[str, Any]) -> None:
    """Start a process in which the backend from `source` has imported its framework, ending any earlier one. Nothing
    happens where memory is short or the interpreter cannot be started: the worker is then started when it is needed.
    """
    backend = json.dumps({"framework": framework, "source": dict(source)}, sort_keys=True)
    with _lock:
        if any(one.takes(python, environment) and one.backend == backend for one in _warm):
            return
        _end_all()
        left = memory_left()
        if left is not None and left < _LEAST_MEMORY:
            return
        try:
            process = priority.start(
                [python, "-P", "-m", "dltui.core.lifecycle.warm_process", backend, str(SECONDS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd=paths.home(),
                env=environment,
            )
        except OSError:
            return
        _warm.append(_Warm(process, python, environment, backend, time.monotonic()))


def end() -> None:
    """End the waiting process."""
    with _lock:
        _end_all()


def take(command: Sequence[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes] | None:
    """Make the waiting process the worker of this command line, printing to `log`; None when none fits."""
    if list(command[1:4]) != ["-P", "-m", _MODULE]:
        return None
    with _lock:
        fitting = next((one for one in _warm if one.takes(command[0], environment)), None)
        if fitting is None:
            return None
        _warm.remove(fitting)
        order = json.dumps({"arguments": list(command[4:]), "log": str(log)}).encode() + b"\n"
        try:
            assert fitting.process.stdin is not None
            with fitting.process.stdin as pipe:
                pipe.write(order)
        except OSError:
            _kill(fitting)
            return None
        return fitting.process


def _end_all() -> None:
    while _warm:
        _kill(_warm.pop())


def _kill(one: _Warm) -> None:
    one.process.kill()
    one.process.wait()
    if one.process.stdin is not None:
        try:
            one.process.stdin.close()
        except OSError:
            return
