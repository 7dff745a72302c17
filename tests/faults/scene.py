"""The place of the kills around a worker: starts commands and workers as they are in use, in processes forked from this
one where that is possible, and tells what is true of a run without asking dltui.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from dltui.core import fs
from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle import create, start
from dltui.core.reading.rows import all_rows
from dltui.core.reading.status import INCOMPLETE
from dltui.core.rundir.directory import RunDirectory
from tests.faults import victim
from tests.faults.kills import Killer
from tests.faults.lab import Result, result
from tests.faults.victim import Orders

ROOT = Path(__file__).parents[2]
_BECOME_SUBREAPER = 36
"""Of prctl: what a killed process started becomes a child of this one."""
LONGEST = {"torch": 300.0, "tensorflow": 900.0}
"""Seconds after which a run that was started must be over."""
TRIES = 10
LEAVING = 120.0
"""Seconds in which what a killed process started must end."""
CONFIG = {"batch_size": 96, "layers": [24], "dropout": 0.3, "lr": 0.02, "optimizer": "adamw", "threads": 1}
CONFIG |= {"schedule": "cosine", "checkpoint_seconds": 0.05}


@dataclass(frozen=True)
class Forked:
    """A worker that was forked, for `start`, which keeps its workers."""

    pid: int

    def poll(self) -> int | None:
        return None


class Scene:
    """Processes and runs in one folder."""

    def __init__(self, framework: str, folder: Path, seed: int) -> None:
        self.framework, self.folder = framework, folder
        self.random = random.Random(seed)
        self.orders = Orders()
        """Those of the workers that are started from now on."""
        self._ended: dict[int, int] = {}
        killer = Killer(framework, folder, seed)
        self.data, self._prepared = killer.data, killer.prepared
        # On a busy machine a framework may take longer than a look at it may.
        found = (load_catalog() for _ in range(TRIES))
        self.catalog = next(catalog for catalog in found if f"mlp-{framework}" in catalog.models)
        for module in ("matplotlib.figure", "dltui.exports.__main__", "dltui.tui.cli.main"):
            # TensorFlow's workers are not forked: what this process has imported is of no use to them.
            importlib.import_module(module)
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
        start.new_process = self._new_worker  # type: ignore[assignment]

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    def new_run(self, name: str, loggers: Sequence[str] = (), **config: Any) -> RunDirectory:
        request = create.RunRequest(
            model=f"mlp-{self.framework}",
            dataset="digits",
            device="cpu",
            config={**CONFIG, **config},
            name=name,
            exports=str(self.exports),
            loggers=loggers,
        )
        return create.create_run(request, self.catalog)

    def run(self, name: str) -> RunDirectory:
        return RunDirectory(self.folder / "home" / "runs" / name)

    def spawn(self, run: RunDirectory, orders: Orders = Orders()) -> int:  # noqa: B008
        """Start a worker of a run, and return its pid."""
        self.orders = orders
        pid = start.spawn_worker(run)
        self.orders = Orders()
        return pid

    def _new_worker(self, command: list[str], environment: dict[str, str], log: int) -> Any:
        """In place of `start.new_process`."""
        run, words = Path(command[4]), command[5:]
        if self.framework == "torch":
            return Forked(self._fork(lambda: victim.work(run, self.data, self.orders, words), environment))
        asked = [str(run), str(self._prepared), json.dumps(asdict(self.orders))]
        command = [sys.executable, "-m", "tests.faults.victim", *asked, *words]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=ROOT, env=environment
        )

    def command(self, *words: str, orders: Orders = Orders()) -> int:  # noqa: B008
        """Start `dltui WORDS`, and return its pid; what it prints is in the file `said`."""
        return self._fork(lambda: self._carry_out(words, orders))

    def _carry_out(self, words: Sequence[str], orders: Orders) -> int:
        from dltui.core.worker import figures
        from dltui.tui.cli.main import run

        said = os.open(self.folder / "said", os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o600)
        for fd in (1, 2):
            os.dup2(said, fd)
        if self.framework == "torch":
            figures.start = lambda arguments, **others: victim.draw_forked(orders, arguments)
        victim.obey(orders)
        return run(list(words))

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def _fork(self, work: Callable[[], int], environment: dict[str, str] | None = None) -> int:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                os.setsid()
                os.environ.update(environment or {})
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                fs.FS = fs.FileSystem()
                code = work()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        # The number may be that of another one before.
        self._ended.pop(pid, None)
        return pid

    def reap(self) -> None:
        """Note which processes have ended, also those whose parent was killed."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self._ended[found[0]] = found[1]

    def ended(self, pid: int) -> int | None:
        """The wait status of a process that has ended."""
        self.reap()
        return self._ended.get(pid)

    def wait(self, pid: int) -> int:
        """Wait for a process; its wait status."""
        self.until(lambda: self.ended(pid) is not None)
        return self._ended.get(pid, signal.SIGKILL)

    def until(self, done: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait for something; whether it came."""
        deadline = time.monotonic() + (LONGEST[self.framework] if seconds is None else seconds)
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def pause(self, most: float, pid: int) -> None:
        """A random time, or less if the process ends before."""
        self.until(lambda: self.ended(pid) is not None, self.random.random() * most)

    def processes(self, of: int | None = None) -> list[psutil.Process]:
        """All that this process has started, directly or not, and that lives; or all that process `of` has."""
        self.reap()
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(of).children(recursive=True)
            return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        return []

    def kill(self, pids: Sequence[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_tree(self, pid: int) -> None:
        """Kill a process and all that it started, as `systemctl stop` and the end of a container do."""
        self.kill([pid, *(one.pid for one in self.processes(of=pid))])

    def rest(self, seconds: float | None = None) -> bool:
        """Wait until all has ended that this process has started; whether it has."""
        return self.until(self._at_rest, seconds)

    def _at_rest(self) -> bool:
        # Seen twice: between two looks at the table of processes a child may get this one as its new parent.
        return not self.processes() and not self.processes()

    def left(self) -> list[str]:
        """The processes that have not ended by themselves; they are killed."""
        self.rest(LEAVING)
        found = self.processes()
        lines = [" ".join(one.cmdline()[:6]) for one in found]
        self.kill([one.pid for one in found])
        self.rest()
        return lines


def log_size(run: RunDirectory) -> int:
    return run.events_path.stat().st_size if run.events_path.exists() else 0


def end_since(run: RunDirectory, offset: int) -> dict[str, Any] | None:
    """The end of the run that its log tells behind `offset`."""
    found = None
    for line in run.events_path.read_bytes()[offset:].splitlines() if run.events_path.exists() else ():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            found = record if record.get("type") == "run_ended" else found
    return found


def incomplete_figures(run: RunDirectory) -> str:
    """What an ended run lacks of its figures; "" when nothing."""
    folder = Path(run.run()["exports"])
    if not (run.path / "figures.json").exists():
        return "figures.json"
    names = ("confusion_matrix.svg", "mislabeled.svg", "training_metrics.svg", "metrics.csv")
    names += ("model.safetensors", "report.html", "summary.json", "structure.svg")
    return ", ".join(name for name in names if not (folder / name).exists())


def broken_figures(run: RunDirectory) -> list[str]:
    """The files among its figures that are cut off."""
    ends = {".svg": b"</svg>", ".html": b"</html>", ".json": b"}", ".csv": b"", ".safetensors": b""}
    found = Path(run.run()["exports"]).glob("[!.]*")
    return [
        path.name for path in found if not path.read_bytes().rstrip().endswith(ends[path.suffix]) or not _size(path)
    ]


def _size(path: Path) -> int:
    return path.stat().st_size


def untrue(run: RunDirectory, offset: int, drawn: bool) -> list[str]:
    """What is not true of the state that `dltui runs --json` shows of a run that nobody trains any more. Its last
    attempt began when its log had `offset` bytes; with `drawn` it draws figures at its end.
    """
    row = next((row for row in all_rows() if row["id"] == run.id), None)
    if row is None:
        return ["it is not in the list"]
    shown, end = (row["status"], row.get("phase")), end_since(run, offset)
    if end is None:
        true = row["status"] == "interrupted"
        return [] if true else [f"nobody trains it, and it is called {shown}: {row['why']}"]
    faults = [] if row["status"] == end["status"] else [f"it ended as {end['status']}, and is called {shown}"]
    if drawn and end["status"] != "failed":
        lacks = incomplete_figures(run)
        if bool(lacks) != (row["phase"] == INCOMPLETE):
            faults.append(f"its figures lack {lacks or 'nothing'}, and it is called {shown}: {row['why']}")
    return faults


def final(run: RunDirectory) -> Result:
    return result(run)
