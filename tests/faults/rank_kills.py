"""Kills around two ranks on the CPU: of the worker, of a rank, of the launcher, of all at once. See
`tests.faults.kills`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker.ranks import gathering, rank_process, supervisor
from dltui.core.worker.ranks.channel import Channel
from dltui.plugins.launchers import with_parent_process
from tests.faults import victim
from tests.faults.kills import Killer, forked
from tests.faults.planted import RANKS, Bug

CPU = {"name": "cpu", "title": "CPU", "uuid": None}
TWO = {**CPU, "name": "cpu:2", "devices": [CPU, CPU]}
CONFIG = {"epochs": 6, "batch_size": 96, "dropout": 0.3, "lr": 0.02, "optimizer": "adamw", "augment": "shift"}
CONFIG |= {"schedule": "cosine", "threads": 2, "checkpoint_seconds": 0.05}
LEAVING = 20.0
"""Seconds in which ranks must be gone once their worker is."""
LONGEST = 120.0
"""Seconds after which a worker that lost a rank must have ended."""
HANGS, HUNG = 600.0, 72
"""Seconds in which a worker that a launcher has started must have ended, and the exit code of one that has not."""
PATIENCE_SECONDS = 30
"""So long a worker waits for a rank that was killed before it came."""
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


class ReplicaKiller(Killer):
    """Kills a worker of TensorFlow that trains on two devices by itself."""

    config: Mapping[str, Any] = CONFIG
    device: Mapping[str, Any] = TWO

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__("tensorflow", folder, seed)

    @property
    def model(self) -> str:
        return "cnn-tensorflow"


class RankKiller(Killer):
    """Kills the worker, the first rank, the second, or all three."""

    config: Mapping[str, Any] = CONFIG
    device: Mapping[str, Any] = TWO
    bugs: Mapping[str, Bug] = RANKS
    loses = True

    def __init__(self, folder: Path, seed: int, framework: str = "torch") -> None:
        supervisor._start = fork_rank
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
        super().__init__(framework, folder, seed)

    @property
    def model(self) -> str:
        return f"cnn-{self.framework}"

    def start(self, run: RunDirectory, call: int | None) -> int:
        return forked(lambda: self.work(run, call))

    def work(self, run: RunDirectory, call: int | None) -> int:
        """Be the worker of a run."""
        return victim.work(run.path, self.data, victim.Orders(call), folder=self.prepared)

    def processes(self, pid: int) -> dict[str, list[int]]:
        """The processes that can be killed, by name; `pid` is the one that was started."""
        ranks = children(pid)
        return {"worker": [pid], "rank 0": ranks[:1], "rank 1": ranks[1:], "all": [pid, *ranks]}

    def strike(self, pid: int) -> None:
        there = {name: pids for name, pids in self.processes(pid).items() if pids}
        name = self.random.choice(list(there))
        self.table.struck[name] += 1
        for one in there[name]:
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
        """The ranks that live although their worker has ended. One whose main thread has ended lives as long as others
        of its threads do: it still holds its files.
        """
        found = []
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
                if child.status() != psutil.STATUS_ZOMBIE or not os.waitpid(child.pid, os.WNOHANG)[0]:
                    found.append(child.pid)
        return found


class GatheredKiller(RankKiller):
    """Kills the launcher of two ranks, which has started both and ends them with itself as Ray's driver does; or the
    worker, which has become of the first, or a rank. The second connects to the worker over the loopback interface.
    """

    def start(self, run: RunDirectory, call: int | None) -> int:
        return forked(lambda: self._launch(run, call))

    def processes(self, pid: int) -> dict[str, list[int]]:
        started = children(pid)
        ranks = [*(children(started[0]) if started else ()), *started[1:]]
        found = {"launcher": [pid], "worker": started[:1], "rank 0": ranks[:-1], "rank 1": started[1:]}
        return {**found, "all": [pid, *started[:1], *ranks]}

    def _launch(self, run: RunDirectory, call: int | None) -> int:
        """Be the launcher: start both, and end as the worker does."""
        with gathering.listen("127.0.0.1") as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            place = gathering.Gathering(0, 2, address, secrets.token_hex(32), os.dup(listener.fileno()))
        parent = os.getpid()
        worker = forked(lambda: self._begin(parent, place, lambda: self.work(run, call)))
        rank = forked(lambda: self._begin(parent, replace(place, number=1, listener=-1), lambda: _be_rank(run, place)))
        os.close(place.listener)
        code = Forked(worker).wait(HANGS)
        if Forked(rank).wait(LEAVING) is None:
            raise AssertionError("rank 1 outlives its worker")
        if code is not None and code < 0:
            os.kill(parent, -code)
        return HUNG if code is None else code

    def _begin(self, launcher: int, place: gathering.Gathering, work: Callable[[], int]) -> int:
        """Do the work of a process that ends with its launcher, at its place."""
        if not with_parent_process.die_with(launcher):
            return 137
        os.environ.update({**place.environment, supervisor.PATIENCE: str(PATIENCE_SECONDS)})
        return work()


def _be_rank(run: RunDirectory, place: gathering.Gathering) -> int:
    os.close(place.listener)
    log = os.open(run.worker_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd in (1, 2):
        os.dup2(log, fd)
    sys.argv = ["rank"]
    return rank_process.main()


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live, in their order."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return sorted(one.pid for one in psutil.Process(pid).children() if one.status() != psutil.STATUS_ZOMBIE)
    return []
