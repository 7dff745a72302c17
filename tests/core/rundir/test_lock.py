"""The worker's lock: one holder, freed by death, not inherited, not lost by looking."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.errors import RunError
from dltui.core.rundir import lock as locks
from dltui.core.rundir.lock import Lock, RunLock, holder

HOLD = """
import sys, time
from pathlib import Path
from dltui.core.errors import RunError
from dltui.core.rundir.lock import RunLock
lock = RunLock()
try:
    lock.acquire(Path(sys.argv[1]))
except RunError as error:
    print(error, flush=True)
    sys.exit(1)
print("held", flush=True)
time.sleep(60)
"""


def start(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "otter").mkdir()
    return tmp_path / "otter" / "lock"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[str]]:
    child = start(path)
    assert said(child) == "held"
    yield child
    child.kill()
    child.wait()


def test_a_second_worker_is_refused_and_told_who_runs(path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(RunError, match=rf"run otter is running, pid {other.pid} on .* since \d{{4}}-") as caught:
        RunLock().acquire(path)
    assert "\n" not in str(caught.value)
    assert holder(path) == other.pid


def test_death_frees_it(path: Path, other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert holder(path) is None
    lock = RunLock()
    lock.acquire(path)
    lock.release()


def test_started_at_the_same_instant_one_runs(path: Path) -> None:
    for _ in range(5):
        children = [start(path) for _ in range(4)]
        answers = [said(child) for child in children]
        for child in children:
            child.kill()
            child.wait()
        assert answers.count("held") == 1
        assert sum(answer.startswith("run otter is running") for answer in answers) == 3


def test_looking_does_not_free_it_and_a_second_lock_in_this_process_is_refused(path: Path) -> None:
    lock = RunLock()
    lock.acquire(path)
    assert holder(path) == os.getpid()
    with pytest.raises(RunError, match="is running"):
        RunLock().acquire(path)
    late = start(path)
    assert said(late).startswith("run otter is running")
    late.wait()
    lock.release()
    lock.release()
    assert holder(path) is None


def test_a_forked_child_does_not_keep_it(path: Path) -> None:
    """As loader processes do, which may outlive their worker by seconds."""
    code = HOLD.replace("time.sleep(60)", "import os, signal; pid = os.fork(); pid or signal.pause(); print(pid)")
    worker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert said(worker) == "held"
    loader = int(said(worker))
    assert worker.wait(timeout=30) == 0
    try:
        os.kill(loader, 0)
        lock = RunLock()
        lock.acquire(path)
        lock.release()
    finally:
        os.kill(loader, signal.SIGKILL)


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert holder(path) is None
    path.touch()
    assert holder(path) is None


def test_a_disk_without_locks_is_said_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(RunError, match="has no file locks; set DLTUI_HOME"):
        RunLock().acquire(path)


def test_a_folder_that_is_gone_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^cannot lock .*/gone/lock: No such file or directory$"):
        RunLock().acquire(tmp_path / "gone" / "lock")


@pytest.mark.parametrize(
    ("kind", "pid", "seen"),
    [
        (fcntl.F_WRLCK, 4321, Lock(True, 4321)),
        (fcntl.F_WRLCK, -1, Lock(True)),
        (fcntl.F_UNLCK, 0, Lock(False)),
    ],
)
def test_macos_is_asked_in_its_own_form_and_no_reader_takes_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: int, pid: int, seen: Lock
) -> None:
    """<sys/fcntl.h> there: off_t l_start, off_t l_len, pid_t l_pid, short l_type, short l_whence."""
    path.touch()

    def answer(_: int, command: int, question: bytes) -> bytes:
        assert command == fcntl.F_GETLK
        assert struct.unpack("=qqihh", question) == (0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
        return struct.pack("=qqihh", 0, 0, pid, kind, os.SEEK_SET)

    def taken(*_: object) -> None:
        raise AssertionError("a reader takes the lock")

    monkeypatch.setattr(locks, "_FLOCK", locks._FLOCKS["darwin"])
    monkeypatch.setattr(fcntl, "fcntl", answer)
    monkeypatch.setattr(fcntl, "lockf", taken)
    assert locks.look(path) == seen
