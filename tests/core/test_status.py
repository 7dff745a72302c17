"""The state of a run is told as it is: each word for its case, right soon after a death, never "running" for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core import birth, control
from dltui.core.events import CommandObeyed
from dltui.core.history import History
from dltui.core.live import Heartbeat, Live
from dltui.core.reader import RunReader
from dltui.core.rundir import RunDirectory
from dltui.core.status import NAMES, Seen, Status, status
from tests.core.test_history import Tape

NOW = 10_000.0
HERE, DEAD, THERE = Seen(True), Seen(False), Seen(None)


def live(phase: str = "training", **changes: Any) -> Live:
    base = Live("gpu01", "boot", 42, 1, 1, phase, NOW - 50, NOW - 0.5, step=7, total_steps=50, counter=9)
    return replace(base, **changes)


def history(ended: str | None = None) -> History:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    if ended:
        from dltui.core.events import RunEnded

        tape.add(RunEnded(ended, "the reason", None, 1, 10, 1.0, 1.0))
    return tape.fold()


def tell(past: History, beat: Live | None, seen: Seen = HERE, created: float = 0.0) -> Status:
    found = status({"created": created}, past, beat, NOW, seen)
    assert found.name in NAMES
    assert found.why
    return found


@pytest.mark.parametrize("word", ["finished", "stopped", "preempted", "failed"])
@pytest.mark.parametrize("beat", [None, live("ended"), live("exporting")])
def test_an_end_that_was_logged_counts(word: str, beat: Live | None) -> None:
    found = tell(history(word), beat, DEAD)
    assert (found.name, found.why) == (word, "the reason")
    assert found.over
    assert found.since > 0


@pytest.mark.parametrize(
    ("beat", "word"),
    [
        (live("starting"), "starting"), (live("importing"), "starting"), (live("loading data"), "starting"),
        (live("building"), "starting"), (live("compiling"), "starting"), (live("training"), "running"),
        (live("evaluating"), "running"), (live("saving"), "running"), (live("exporting"), "running"),
        (live("paused"), "paused"), (live("queued"), "queued"), (live("a phase of the future"), "running"),
    ],
)  # fmt: skip
def test_phases_of_a_living_worker(beat: Live, word: str) -> None:
    for seen in (HERE, THERE):
        found = tell(history(), beat, seen)
        assert (found.name, found.phase, found.since) == (word, beat.phase, beat.phase_since)
        assert not found.over


def test_a_resumed_run_is_not_over_and_dies_again() -> None:
    again = live("importing", attempt=2)
    assert tell(history("stopped"), again).name == "starting"
    assert tell(history("stopped"), again, DEAD).name == "interrupted"


def test_interrupted_says_where() -> None:
    found = tell(history(), live(step=13), DEAD)
    assert (found.name, found.why) == ("interrupted", "the worker was killed at epoch 2, step 3")
    assert "at epoch 1, step 10" in tell(history(), live(step=10), DEAD).why
    assert "before the first step (importing)" in tell(History(), live("importing", step=0), DEAD).why
    assert tell(history(), live("ended"), HERE).name == "interrupted"
    crashed = tell(history(), live(step=13), Seen(False, crash="the worker crashed (SIGSEGV)"))
    assert crashed.why == "the worker crashed (SIGSEGV) at epoch 2, step 3"
    told = tell(history(), live("ended", step=13, detail="storage error (Input/output error)"), DEAD)
    assert told.why == "storage error (Input/output error) at epoch 2, step 3"


def test_a_worker_that_never_began() -> None:
    assert tell(History(), None, created=NOW - 5).name == "starting"
    assert tell(History(), None, created=NOW - 25).name == "interrupted"
    assert status({}, History(), None, NOW, THERE).name == "interrupted"


def test_silent_by_an_old_heartbeat() -> None:
    assert tell(history(), live(time=NOW - 15)).name == "running"
    found = tell(history(), live(time=NOW - 25))
    assert (found.name, found.why) == ("silent", "no heartbeat for 25 s")
    assert tell(history(), live("paused", time=NOW - 25)).name == "silent"
    assert tell(history(), live("importing", time=NOW - 25)).name == "starting"
    assert tell(history(), live("importing", time=NOW - 65)).name == "silent"


def test_silent_by_standing_still_with_patience_for_the_phase() -> None:
    assert tell(history(), live(still=25)).name == "running"
    assert tell(history(), live(still=31)).name == "silent"
    assert "no progress in training for 31 s" in tell(history(), live(still=31)).why
    assert tell(history(), live(still=31, slowest=10)).name == "running"
    assert tell(history(), live("importing", still=300)).name == "starting"
    assert tell(history(), live("importing", still=700)).name == "silent"
    assert tell(history(), live("paused", still=1e6)).name == "paused"
    assert tell(history(), live("queued", still=1e6)).name == "queued"
    # The first step may compile.
    assert tell(history(), live(step=0, still=300)).name == "running"
    assert tell(History(), live("evaluating", still=300)).name == "running"
    assert tell(history(), live("evaluating", still=31)).name == "silent"


def test_another_host_counts_by_its_heartbeat_alone() -> None:
    assert tell(history(), live(time=NOW - 80), THERE).name == "running"
    found = tell(history(), live(time=NOW - 95), THERE)
    assert (found.name, found.why) == ("silent", "no heartbeat from gpu01 for 95 s")
    # A clock that goes wrong there, in either direction, does not matter once the heartbeat was seen moving.
    assert tell(history(), live(time=NOW - 5000), Seen(None, standing=3, moved=True)).name == "running"
    assert tell(history(), live(time=NOW + 5000), Seen(None, standing=91, moved=True)).name == "silent"
    assert tell(history(), live(time=NOW + 5000), Seen(None, standing=91)).name == "silent"


@pytest.mark.parametrize(
    ("count", "left", "peak", "words"),
    [
        (3, 10**8, 5 * 10**9, "probably out of memory (it had used 5.0 GB) at"),
        (3, 4 * 10**9, 5 * 10**9, "probably out of memory"),
        # Nobody was killed since the last heartbeat, or there was plenty, or nothing is known of it.
        (2, 10**8, 5 * 10**9, "the worker was killed at"),
        (3, 10**11, 5 * 10**9, "the worker was killed at"),
        (3, -1, 5 * 10**9, "the worker was killed at"),
        (None, 10**8, 5 * 10**9, "the worker was killed at"),
    ],
)
def test_a_kill_for_want_of_memory_is_told_from_others(count: int | None, left: int, peak: int, words: str) -> None:
    beat = live(oom_kills=2, memory_left=left, peak=peak)
    found = tell(history(), beat, Seen(False, oom_kills=count))
    assert (found.name, words in found.why) == ("interrupted", True), found.why


def test_paused_says_by_whom_or_why() -> None:
    assert tell(history(), live("paused", detail="disk full: 0 B free")).why == "disk full: 0 B free"
    tape = Tape()
    tape.start()
    tape.add(CommandObeyed("1", "pause", {}, 1, 5, "anna@lab", 0.0))
    assert tell(tape.fold(), live("paused")).why == "paused by anna@lab"


WORKER = """
import faulthandler, sys, time, os
from pathlib import Path
from dltui.core.live import Heartbeat
from dltui.core.lock import RunLock
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
    control.send(reader.directory.path, "checkpoint", {}, "ben@lab")
    control.send(reader.directory.path, "kill", {}, "anna@lab")
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
from dltui.core.live import Heartbeat
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
    from dltui.core import cgroup

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
    birth.announce(run.path, child.pid)
    reader = RunReader(run)
    assert (reader.status().name, reader.status().why) == ("starting", "the worker is being started")
    child.kill()
    assert "died before it began" in wait_for(reader, "interrupted").why
    child.wait()
    # What was said of one that came to life does not matter any more, whether or not it was cleared away.
    beat = Heartbeat(run.path, 1)
    assert reader.status().name == "starting"
    beat.stop()
    assert "died before it began" not in reader.status().why
    birth.born(run.path)
    assert birth.read_birth(run.path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"pid": 1}', '{"pid": "x", "host": "", "boot_id": "", "start_ticks": 1}']
)
def test_a_birth_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "birth.json").write_text(text)
    assert birth.read_birth(tmp_path) is None


def test_a_frozen_worker_is_silent_within_thirty_seconds(worker: tuple[RunReader, subprocess.Popen[str]]) -> None:
    reader, child = worker
    wait_for(reader, "running")
    os.kill(child.pid, signal.SIGSTOP)
    reader.clock = lambda: time.time() + 29
    assert "no heartbeat" in wait_for(reader, "silent").why
    os.kill(child.pid, signal.SIGCONT)
    reader.clock = time.time
    wait_for(reader, "running")
