"""A disk that fails: every call of a run in turn, once or from then on, and what is left of the run."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from dataclasses import dataclass, field
from typing import Any

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from tests.faults.cuts import Recording, examine
from tests.faults.disk import Recorder
from tests.faults.lab import Lab, Result, noting_commits, result

LASTING = 1 << 30


class FailingDisk(Recorder):
    """`times` calls from number `first` on raise `code`; a write does half of its work before."""

    def __init__(self, first: int, code: int, times: int) -> None:
        super().__init__()
        self.count = 0
        self._failing = range(first, first + times)
        self._code = code

    def _call(self, name: str, *arguments: Any) -> Any:
        number, self.count = self.count, self.count + 1
        if number not in self._failing:
            return super()._call(name, *arguments)
        if name == "write":
            # Not noted: it is as if it had never been.
            os.write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        raise OSError(self._code, os.strerror(self._code))


@dataclass
class Outcome:
    """How a run on a failing disk went: its exit code, None where the worker raised; `faults` has to be empty."""

    calls: int
    code: int | None
    faults: list[str] = field(default_factory=list)


def fail(lab: Lab, expected: Result, first: int, code: int, times: int) -> Outcome:
    """One run with one failure, then a look at it, then the rest of it on a disk that works."""
    run = lab.new_run(epochs=2)
    disk = FailingDisk(first, code, times)
    with contextlib.redirect_stderr(io.StringIO()), fs.use(disk), noting_commits(disk.trace):
        try:
            ended = lab.work(run)
        except DltuiError as error:
            ended = error.exit_code
        except OSError as error:
            disk.close_all()
            return Outcome(disk.count, None, [f"the worker raised {error!r}"])
    disk.close_all()
    outcome = Outcome(disk.count, ended)
    safe = max((call[1] for call in disk.trace if call[0] == "saved"), default=0)
    outcome.faults += judge(run, ended, expected)
    if ended != 0:
        outcome.faults += examine(lab, run, safe, expected)
    shutil.rmtree(run.path)
    return outcome


def judge(run: RunDirectory, ended: int, expected: Result) -> list[str]:
    """Whether the state that is shown is the true one."""
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    faults = []
    if any(word in status.why for word in ("Traceback", "\n")):
        faults.append(f"shown: {status.why!r}")
    told = any(level == "error" for _, level, _ in reader.history.logs)
    if ended == 0 and (status.name != "finished" or (result(run) != expected and not told)):
        faults.append(f"ended well, but is {status.name} or another run")
    # When only the last line could not be synced, everything was done.
    done = status.name == "finished" and result(run) == expected
    if ended and not done and status.name not in ("failed", "interrupted", "starting"):
        faults.append(f"ended with {ended}, but is called {status.name}")
    return faults


def calls(recording: Recording) -> int:
    """How many calls of a run can fail."""
    return sum(call[0] != "saved" for call in recording.trace)
