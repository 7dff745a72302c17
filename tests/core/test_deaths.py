"""What killed or hanging workers are called, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import commands, heartbeat
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Heartbeat

WORKER = """
import faulthandler, sys, time, os
from pathlib import Path
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.lock import RunLock
run = Path(sys.argv[1])
os.dup2(os.open(run / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
faulthandler.enable()
RunLock().acquire(run / "lock")
beat = Heartbeat(run, 1, (5, 50))
beat.phase("training")
print("ready", flush=True)
for step in range(10**6):
    beat.progress(step + 1, 0)
    time.sleep(0.02)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RunReader, subprocess.Popen[str]]]:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("otter", {"created": time.time()})
    child = subprocess.Popen([sys.executable, "-c", WORKER, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield RunReader(run), child
    child.send_signal(signal.SIGCONT)
    child.kill()
    child.wait()


def wait_for(reader: RunReader, word: str, seconds: float = 2.0) -> Status:
    deadline = time.monotonic() + seconds
    while (found := reader.status()).name != word:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_killed_worker_is_interrupted_within_two_seconds(worker: tuple[RunReader, subprocess.Popen[str]]) -> None:
    reader, child = worker
    assert wait_for(reader, "running").why == "training"
    os.kill(child.pid, signal.SIGKILL)
    assert "the worker was killed" in wait_for(reader, "interrupted").why
    child.wait()
    assert reader.status().name == "interrupted"


def test_who_killed_it_is_named(worker: tuple[RunReader, subprocess.Popen[str]]) -> None:
    reader, child = worker
    commands.send(reader.directory.path, "checkpoint", {}, "ben@lab")
    commands.send(reader.directory.path, "kill", {}, "anna@lab")
    assert "killed" not in wait_for(reader, "running").why
    child.kill()
    assert wait_for(reader, "interrupted").why.startswith("killed by anna@lab at step ")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT")])
def test_a_crash_is_named(worker: tuple[RunReader, subprocess.Popen[str]], number: int, name: str) -> None:
    reader, child = worker
    reader.directory.worker_log.open("ab").write(b"Fatal Python error: Bus error\n")
    os.kill(child.pid, number)
    assert f"the worker crashed ({name})" in wait_for(reader, "interrupted").why


GREEDY = """
import os, sys, time
from pathlib import Path
(Path(sys.argv[2]) / "cgroup.procs").write_text(str(os.getpid()))
from dltui.core.rundir.heartbeat import Heartbeat
beat = Heartbeat(Path(sys.argv[1]), 1, (5, 50))
beat.phase("training")
kept = []
for step in range(10**6):
    kept.append(bytearray(b"x") * (4 << 20))
    beat.progress(step + 1, 0)
    time.sleep(0.02)
"""


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group that may have 200 MB, or a skip where none can be made."""
    from dltui.core.machine import cgroup

    groups = [*cgroup.legacy(Path("/"), "memory"), *cgroup.unified(Path("/"))]
    for group in (folder / f"dltui-test-{os.getpid()}" for folder in groups):
        try:
            group.mkdir()
            limit = next(group / name for name in ("memory.limit_in_bytes", "memory.max") if (group / name).exists())
            limit.write_text(str(200 << 20))
        except (OSError, StopIteration):
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        break
    else:
        pytest.skip("control groups of memory cannot be made here")
    yield group
    group.rmdir()


def test_the_kernel_kills_a_worker_for_want_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_group: Path
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("otter", {"created": time.time()})
    child = subprocess.run([sys.executable, "-c", GREEDY, str(run.path), str(small_group)], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    found = wait_for(RunReader(run), "interrupted")
    assert found.why.startswith("the worker was killed, probably out of memory (it had used 0.")


def test_what_an_earlier_attempt_died_of_is_not_told_again(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.worker_log.write_text("Fatal Python error: Segmentation fault\n")
    child = subprocess.Popen([sys.executable, "-c", WORKER, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.wait()
    assert "the worker was killed" in wait_for(RunReader(run), "interrupted").why


def test_a_worker_that_dies_while_it_is_born(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("otter", {"created": time.time()})
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    heartbeat.record_starting(run.path, child.pid)
    reader = RunReader(run)
    assert (reader.status().name, reader.status().why) == ("starting", "the worker is being started")
    child.kill()
    assert "died before it began" in wait_for(reader, "interrupted").why
    child.wait()
    # What was said of one that came to life does not matter any more, whether or not it was cleared away.
    # This process takes no lock: what nobody holds would count as dead.
    run.lock_path.unlink()
    beat = Heartbeat(run.path, 1)
    assert reader.status().name == "starting"
    beat.stop()
    assert "died before it began" not in reader.status().why
    heartbeat.clear_starting(run.path)
    assert heartbeat.read_starting(run.path) is None


def test_a_clock_that_was_set_back_hides_no_worker_that_starts(
    worker: tuple[RunReader, subprocess.Popen[str]],
) -> None:
    reader, child = worker
    wait_for(reader, "running")
    child.kill()
    child.wait()
    path = reader.directory.path / "live.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "time": time.time() + 86_400}))
    assert reader.status().name == "interrupted"
    heartbeat.record_starting(reader.directory.path, os.getpid())
    assert reader.status().name == "starting"


def test_a_run_whose_maker_died_before_it_started_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not starting: `resume` has to take it, at once."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("otter", {"created": time.time()})
    maker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    heartbeat.record_starting(run.path, maker.pid, creator=True)
    assert RunReader(run).status().name == "starting"
    assert RunReader(run).status(time.time() + 60).name == "interrupted", "it has had its time"
    maker.kill()
    assert "never started" in wait_for(RunReader(run), "interrupted").why
    maker.wait()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"pid": 1}', '{"pid": "x", "host": "", "boot_id": "", "start_ticks": 1}']
)
def test_a_birth_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "birth.json").write_text(text)
    assert heartbeat.read_starting(tmp_path) is None


@pytest.mark.slow(8)
def test_a_worker_that_was_stopped_for_a_while_has_not_become_slow(
    worker: tuple[RunReader, subprocess.Popen[str]],
) -> None:
    reader, child = worker
    wait_for(reader, "running")
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(5.5)
    os.kill(child.pid, signal.SIGCONT)
    before = reader.live()
    deadline = time.monotonic() + 5
    while (live := reader.live()) is None or before is None or live.step <= before.step + 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert live.slowest < 5


def test_a_frozen_worker_is_silent_within_thirty_seconds(worker: tuple[RunReader, subprocess.Popen[str]]) -> None:
    reader, child = worker
    wait_for(reader, "running")
    os.kill(child.pid, signal.SIGSTOP)
    reader.clock = lambda: time.time() + 29
    assert "no heartbeat" in wait_for(reader, "silent").why
    os.kill(child.pid, signal.SIGCONT)
    reader.clock = time.time
    wait_for(reader, "running")
