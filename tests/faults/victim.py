"""A worker to be killed: as it is in use, on data that is prepared already and without figures at its end.

    python -m tests.faults.victim RUN_DIR DATA_DIR ORDERS [WORDS of the worker's command line]

ORDERS is JSON of `Orders`: when it kills itself with SIGKILL, and which parts are as in use after all.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.data import prepared
from dltui.core.train import loop
from dltui.core.worker import attempt, figures, worker_process
from dltui.core.worker.waiting import device_queue
from tests.faults.disk import Recorder
from tests.faults.lab import Prepared

COMMIT_SECONDS, CHUNK_SECONDS = 0.1, 0.001
"""So that most checkpoints are inside of an epoch, however fast the machine: they are due more often than epochs
commit, and the loop looks up after each step."""
POLL_SECONDS = 0.05
"""How often a run in the queue looks up."""


@dataclass(frozen=True)
class Orders:
    """How a process ends: with SIGKILL just before `call` of the file system, counted from 0, or not; with `group` all
    processes of its group with it. The count begins with the figures where it is `late`. A worker with `own_data`
    prepares its data in a process, with `draws` it draws figures: "forked", or in a "process" of their own.
    """

    call: int | None = None
    group: bool = False
    late: bool = False
    own_data: bool = False
    draws: str = ""
    draw_call: int | None = None


class Deadly(Recorder):
    """Ends the process before one call, or its whole group."""

    def __init__(self, last: int, group: bool = False) -> None:
        super().__init__()
        self._left = last
        self._group = group

    def _call(self, name: str, *arguments: Any) -> Any:
        if self._left == 0:
            if self._group:
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        self.trace.clear()
        return super()._call(name, *arguments)


def obey(orders: Orders) -> None:
    """Use a file system that ends this process as ordered, and else the real one."""
    fs.FS = fs.FileSystem() if orders.call is None else Deadly(orders.call, orders.group)


def work(
    run: Path, prepared: Any, orders: Orders = Orders(), words: Sequence[str] = (), folder: Path | None = None
) -> int:
    """Change this process into the worker of `run`; `folder` is that of the prepared data, for its ranks."""
    if not orders.own_data:
        attempt.Preparation = functools.partial(Prepared, prepared, folder=folder)  # type: ignore[misc, assignment]
    _arrange_figures(orders)
    loop.COMMIT_SECONDS, loop.CHUNK_SECONDS = COMMIT_SECONDS, CHUNK_SECONDS
    device_queue.POLL_SECONDS = POLL_SECONDS
    obey(Orders() if orders.late else orders)
    log = os.open(run / "worker.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd in (1, 2):
        os.dup2(log, fd)
    return worker_process.main([str(run), *words])


def _arrange_figures(orders: Orders) -> None:
    real = attempt.Attempt.export

    def export(self: attempt.Attempt) -> str:
        if orders.late:
            obey(orders)
        return real(self)

    attempt.Attempt.export = export if orders.draws else lambda self: ""  # type: ignore[method-assign]
    if orders.draws == "forked":
        figures.start = functools.partial(draw_forked, orders)  # type: ignore[assignment]


def draw_forked(orders: Orders, arguments: Sequence[str], **others: Any) -> figures.Ended:
    """Like `figures.start`, in a process that has matplotlib already."""
    from dltui.exports.__main__ import main

    with tempfile.TemporaryFile() as words:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                obey(Orders(orders.draw_call))
                for fd in (1, 2):
                    os.dup2(words.fileno(), fd)
                code = main(arguments)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        words.seek(0)
        return figures.Ended(code, "", words.read().decode())


if __name__ == "__main__":
    run, folder, asked, *words = sys.argv[1:]
    sys.exit(work(Path(run), prepared.load_prepared(Path(folder)), Orders(**json.loads(asked)), words))
