"""Kills around two ranks of PyTorch on the CPU: of the worker, of a rank, of all at once. See `tests.faults.kills`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker.ranks import rank_process, supervisor
from dltui.core.worker.ranks.channel import Channel
from tests.faults import victim
from tests.faults.kills import Killer

CPU = {"name": "cpu", "title": "CPU", "uuid": None}
CONFIG = {"epochs": 6, "batch_size": 96, "dropout": 0.3, "lr": 0.02, "optimizer": "adamw", "augment": "shift"}
CONFIG |= {"schedule": "cosine", "threads": 2, "checkpoint_seconds": 0.05}
LEAVING = 20.0
"""Seconds in which ranks must be gone once their worker is."""
LONGEST = 120.0
"""Seconds after which a worker that lost a rank must have ended."""
_BECOME_SUBREAPER = 36
"""Of prctl: what a killed process started becomes a child of this one."""


class Forked:
    """A rank that was forked, as `subprocess.Popen` shows it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float = LONGEST) -> int | None:
        deadline = time.monotonic() + timeout
        while self.returncode is None and time.monotonic() < deadline:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.returncode = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.005)
        return self.returncode


def fork_rank(number: int, name: str, python: str) -> Any:
    """In place of `supervisor._start`: PyTorch is imported already."""
    ours, theirs = socket.socketpair()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            own = os.dup2(theirs.fileno(), 1000)
            os.closerange(3, 1000)
            sys.argv = ["rank", str(own), str(parent)]
            os._exit(rank_process.main())
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(70)
    theirs.close()
    return supervisor._Rank(name, Forked(pid), Channel(ours))  # type: ignore[arg-type]


class RankKiller(Killer):
    """Kills the worker, the first rank, the second, or all three."""

    config: Mapping[str, Any] = CONFIG
    device: Mapping[str, Any] = {**CPU, "name": "cpu:2", "devices": [CPU, CPU]}
    loses = True

    def __init__(self, folder: Path, seed: int) -> None:
        supervisor._start = fork_rank
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
        self.struck: dict[str, int] = {}
        super().__init__("torch", folder, seed)

    @property
    def model(self) -> str:
        return "cnn-torch"

    def start(self, run: RunDirectory, call: int | None) -> int:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = victim.work(run.path, self.data, victim.Orders(call), folder=self.prepared)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)
        return pid

    def strike(self, pid: int) -> None:
        ranks = sorted(child.pid for child in psutil.Process(pid).children())
        kind = self.random.choice(("worker", "rank 0", "rank 1", "all"))
        if len(ranks) < 2:
            kind = "worker"
        self.struck[kind] = self.struck.get(kind, 0) + 1
        chosen = {"worker": [pid], "rank 0": ranks[:1], "rank 1": ranks[1:], "all": [pid, *ranks]}[kind]
        for one in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def _attempt(self, run: RunDirectory, spared: bool) -> int:
        status = super()._attempt(run, spared)
        deadline = time.monotonic() + LEAVING
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(0.01)
        if left:
            self.table.note("corrupt", f"{len(left)} ranks of {run.id} are left behind")
            for one in left:
                os.kill(one, signal.SIGKILL)
        return status

    def _left(self) -> list[int]:
        """The ranks that live although their worker has ended."""
        found = []
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
                if child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)
                else:
                    found.append(child.pid)
        return found
