"""Whose worker a heartbeat tells of: the lock of this very directory and the worker's own words decide."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import kill
from dltui.core.machine import process
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, lock
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Live, read_live
from tests.helpers.lost import beat
from tests.helpers.sample_run import make_sample_run

WORKER = """
import sys, time
from pathlib import Path
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.lock import RunLock
run = Path(sys.argv[1])
RunLock().acquire(run / "lock")
Heartbeat(run, 1).phase("training")
print("lives", flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "orig").mkdir()
    return tmp_path / "orig"


@pytest.fixture
def worker(run: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([sys.executable, "-c", WORKER, str(run)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "lives"
    yield child
    child.kill()
    child.wait()


def heartbeat(run: Path) -> Live:
    found = read_live(run)
    assert found is not None
    return found


def test_a_worker_is_that_of_its_own_directory(run: Path, worker: subprocess.Popen[str]) -> None:
    found = claim.look(run, heartbeat(run))
    assert (found.alive, found.copied) == (True, "")
    assert found.process is not None
    claim.send_signal(run, heartbeat(run), signal.SIGTERM)
    assert worker.wait(10) == -signal.SIGTERM
    assert claim.look(run, heartbeat(run)).alive is False
    with pytest.raises(RunError, match="gone already"):
        claim.send_signal(run, heartbeat(run), signal.SIGTERM)


@pytest.mark.parametrize("without", ["", "lock"])
def test_a_copy_is_no_worker_and_gets_no_signal(run: Path, worker: subprocess.Popen[str], without: str) -> None:
    copy = run.with_name("copy")
    shutil.copytree(run, copy)
    if without:
        (copy / without).unlink()
    live = heartbeat(copy)
    assert claim.look(copy, live) == claim.Claim(False, copied=str(run))
    with pytest.raises(RunError, match=rf"^copy is a copy: the worker \(pid {worker.pid}\) is that of {run}$"):
        claim.send_signal(copy, live, signal.SIGKILL)
    assert worker.poll() is None
    status = RunReader(copy).status()
    assert status.name == "interrupted"
    assert status.why.startswith(f"copied from {run} before the first step")
    with pytest.raises(UsageError, match=rf"^copy is a copy of a run that trains; to kill that one: dltui kill {run}$"):
        kill.victim(RunReader(copy))


def test_a_worker_that_stays_after_the_end_of_its_run_can_be_killed(
    run: Path, worker: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = RunReader(run)
    ended = SimpleNamespace(status="finished", reason="", refused=False)
    reader.history.ended, reader.history.ended_attempt = ended, 1  # type: ignore[assignment]
    monkeypatch.setattr(RunReader, "status", lambda self: Status("finished", "", "exporting", 0.0))
    monkeypatch.setattr(RunReader, "look", lambda self: (self.status(), self.live()))
    assert kill.cost(reader) == "nothing but figures that are not drawn yet"
    kill.kill(reader)
    assert worker.wait(10) == -signal.SIGKILL
    assert not (run / "control").exists(), "no command for a worker that takes none"
    with pytest.raises(UsageError, match=r"^orig is finished: nothing to kill$"):
        kill.kill(reader)


def test_a_moved_run_keeps_its_worker(run: Path, worker: subprocess.Popen[str]) -> None:
    moved = run.rename(run.with_name("moved"))
    assert claim.look(moved, heartbeat(moved)).alive is True


def test_a_worker_that_cannot_be_seen_lives_while_its_lock_is_held(
    run: Path, worker: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another container F_GETLK tells pid 0, and the pid means nothing here."""
    monkeypatch.setattr(lock, "_ask", lambda *_: 0)
    hidden = replace(heartbeat(run), pid=999_999_999, namespace=1)
    assert lock.is_held(run / "lock")
    assert lock.holder(run / "lock") is None
    assert claim.look(run, hidden) == claim.Claim(None)
    with pytest.raises(RunError, match="cannot be seen from here"):
        claim.send_signal(run, hidden, signal.SIGKILL)


def test_of_another_namespace_the_pid_is_that_of_the_lock(run: Path, worker: subprocess.Popen[str]) -> None:
    """The parent of a container sees its processes under other pids."""
    inside = replace(heartbeat(run), pid=7, namespace=1)
    found = claim.look(run, inside)
    assert found.alive is True
    assert found.process is not None
    assert found.process.pid == worker.pid


def test_a_lock_that_is_not_shown_leaves_the_word_to_the_heartbeat(run: Path) -> None:
    (run / "lock").touch()
    here = process.current()
    live = Live(here.host, here.boot_id, 999_999_999, 1, 1, "training", 0.0, time.time(), namespace=1)
    assert claim.look(run, live).alive is None
    assert claim.look(run, replace(live, time=time.time() - 30)).alive is False
    assert claim.look(run, replace(live, namespace=process.namespace())).alive is False


def test_the_next_worker_is_not_taken_for_the_last(run: Path) -> None:
    held = lock.RunLock()
    held.acquire(run / "lock")
    here = process.current()
    live = Live(here.host, here.boot_id, 999_999_999, 1, 1, "training", 0.0, time.time(), inode=run.stat().st_ino)
    assert claim.look(run, live).alive is False
    held.release()


def test_a_clock_that_is_set_changes_no_age() -> None:
    here = process.current()
    live = Live(here.host, here.boot_id, os.getpid(), 1, 1, "training", 0.0, time.time() + 86_400)
    assert claim.age(live) < -86_000
    assert 30 <= claim.age(replace(live, monotonic=time.monotonic() - 30)) < 40
    assert claim.age(replace(live, boot_id="another", monotonic=5.0)) < -86_000


def test_the_last_worker_of_another_host_is_waited_for_while_it_is_heard_of(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock cannot be seen from here."""
    now, waits = time.time(), []
    live = Live("gpu01", "another", 23_760, 1, 1, "ended", 0.0, now)
    monkeypatch.setattr(claim.heartbeat, "read_live", lambda *_: live)
    monkeypatch.setattr(claim.time, "sleep", waits.append)
    monkeypatch.setattr(claim.time, "time", lambda: now + len(waits) * claim.FRESH_SECONDS / 2)
    claim.wait_for_last(run)
    assert len(waits) == 2


@pytest.fixture
def far(tmp_path: Path) -> RunDirectory:
    """A run whose worker was on another machine."""
    return make_sample_run(tmp_path, status="running")


@pytest.mark.parametrize("age", [3600.0, -3600.0])
def test_after_the_last_word_of_another_host_a_free_lock_is_enough(
    far: RunDirectory, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    beat(far, age, phase="ended")
    monkeypatch.setattr(claim.time, "sleep", lambda seconds: pytest.fail("waited"))
    claim.wait_for_last(far.path)


def test_a_clock_that_is_ahead_makes_nobody_wait_for_long(far: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be seen of its lock: only our own clock tells how long it has been quiet."""
    beat(far, -3600.0, phase="exporting")
    far.lock_path.unlink()
    monkeypatch.setattr(claim, "FRESH_SECONDS", 0.2)
    began = time.monotonic()
    claim.wait_for_last(far.path)
    assert 0.2 <= time.monotonic() - began < 5


def test_a_run_is_not_taken_from_a_worker_whose_heartbeat_moves(
    far: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that does not show the locks of other hosts, and with a clock there that is behind."""
    beat(far, 3600.0)
    monkeypatch.setattr(claim.time, "sleep", lambda seconds: beat(far, 3600.0))
    with pytest.raises(UsageError, match=r"^brisk-otter is running on old-pod: its heartbeat moves$"):
        claim.wait_for_last(far.path)


def test_a_heartbeat_that_stands_still_is_watched_for_a_while(
    far: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(far, 3600.0)
    monkeypatch.setattr(claim, "WATCH_SECONDS", 0.3)
    began = time.monotonic()
    claim.wait_for_last(far.path)
    assert 0.3 <= time.monotonic() - began < 5
