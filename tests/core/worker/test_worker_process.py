"""How a worker leaves on a disk that takes nothing more."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core import fs
from dltui.core.reading.reader import RunReader
from dltui.core.worker import worker_process
from dltui.core.worker.attempt import Attempt
from dltui.core.worker.journal import NoRoomError
from tests.faults.lab import Lab


class FullLog(fs.FileSystem):
    """After so many `lines` the log takes no more; `then` is called before each refusal."""

    def __init__(self, lines: int, code: int, then: Callable[[], None]) -> None:
        self.left, self.code, self.then = lines, code, then
        self.logs: set[int] = set()

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        fd = super().open(path, flags, mode)
        (self.logs.add if path.name == "events.jsonl" else self.logs.discard)(fd)
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if fd in self.logs:
            self.left -= 1
            if self.left < 0:
                self.then()
                raise OSError(self.code, os.strerror(self.code))
        return super().write(fd, data)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.ENOSPC, "disk full"), (errno.EIO, f"storage error ({os.strerror(errno.EIO)})")],
)
def test_who_wanted_the_process_back_is_told_that_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    """A scheduler puts a job into its queue again by the exit code; a viewer reads the last heartbeat."""
    attempts: list[Attempt] = []
    make = worker_process._attempt

    def made(*given: Any) -> Attempt:
        attempts.append(make(*given))
        return attempts[-1]

    monkeypatch.setattr(worker_process, "_attempt", made)
    lab = Lab(tmp_path)
    run = lab.new_run()
    with fs.use(FullLog(6, code, lambda: attempts[0].preempt())):
        assert lab.work(run) == worker_process.EXIT_CODES["preempted"] == 75
    # This very process would be taken for that of a copy.
    live = run.path / "live.json"
    live.write_text(json.dumps({**json.loads(live.read_text()), "pid": 999_999_999}))
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    assert status.name == "interrupted"
    assert status.why.startswith(f"preempted, which its log does not tell ({reason}), ")
    assert lab.work(run) == 0, "it goes on where there is room"


def test_a_full_disk_changes_nothing_about_a_run_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def export() -> str:
        raise NoRoomError("disk full", Path("r"))

    last: list[tuple[str, ...]] = []
    nothing = lambda *words: None  # noqa: E731
    journal = SimpleNamespace(log=SimpleNamespace(close=nothing))
    heartbeat = SimpleNamespace(stop=lambda *words: last.append(words))
    attempt: Any = SimpleNamespace(export=export, heartbeat=heartbeat, journal=journal)
    monkeypatch.setattr(worker_process.last_row, "write", nothing)
    rest: Any = SimpleNamespace(refresh=nothing)
    worker_process._leave(attempt, rest, rest)
    assert last == [("ended", "")]
