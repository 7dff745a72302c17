"""A worker to be killed: as it is in use, on data that is prepared already and without figures at its end.

    python -m tests.faults.victim RUN_DIR DATA_DIR [CALL]

With CALL it kills itself with SIGKILL just before that call of the file system, counted from 0.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.data import prepared
from dltui.core.train import loop
from dltui.core.worker import attempt, worker_process
from tests.faults.disk import Recorder
from tests.faults.lab import Prepared

COMMIT_SECONDS, CHUNK_SECONDS = 0.1, 0.001
"""So that most checkpoints are inside of an epoch, however fast the machine: they are due more often than epochs
commit, and the loop looks up after each step."""


class Deadly(Recorder):
    """Ends the process before one call."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self._left = last

    def _call(self, name: str, *arguments: Any) -> Any:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        self.trace.clear()
        return super()._call(name, *arguments)


def work(run: Path, prepared: Any, call: int | None = None) -> int:
    """Change this process into the worker of `run`."""
    attempt.Preparation = functools.partial(Prepared, prepared)  # type: ignore[misc, assignment]
    attempt.Attempt.export = lambda self: None  # type: ignore[method-assign]
    loop.COMMIT_SECONDS, loop.CHUNK_SECONDS = COMMIT_SECONDS, CHUNK_SECONDS
    if call is not None:
        fs.FS = Deadly(call)
    log = os.open(run / "worker.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd in (1, 2):
        os.dup2(log, fd)
    return worker_process.main([str(run)])


if __name__ == "__main__":
    run, folder, *rest = sys.argv[1:]
    sys.exit(work(Path(run), prepared.load_prepared(Path(folder)), int(rest[0]) if rest else None))
