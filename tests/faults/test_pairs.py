"""Two workers on one run, and strangers with a worker's pid."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.errors import RunError
from dltui.core.machine import process
from tests.faults.planted import PROCESSES
from tests.helpers.marks import is_long

ROOT = Path(__file__).parents[2]


def race(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.pairs", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)


@pytest.mark.slow(35)
@pytest.mark.long
@pytest.mark.longest
def test_pairs_started_at_the_same_instant(request: pytest.FixtureRequest) -> None:
    times = 100 if is_long(request.config) else 15
    done = race("--times", str(times))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{times} pairs, 0 faults\n"


def test_without_the_lock_both_would_run() -> None:
    done = race("--times", "2", "--bug", "the lock is ignored")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "faults" in done.stdout


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that was given the pid of a worker that is dead."""
    child = subprocess.Popen(["/bin/sleep", "60"])
    yield child
    child.kill()
    child.wait()


def is_hit(stranger: subprocess.Popen[bytes]) -> bool:
    """Whether a signal for the dead worker reaches it."""
    ticks = process.start_ticks(stranger.pid)
    assert ticks is not None
    dead = replace(process.current(), pid=stranger.pid, start_ticks=ticks - 1 if ticks > 1 else 1)
    with suppress(RunError):
        process.send_signal(dead, signal.SIGTERM)
        stranger.wait(timeout=10)
    return stranger.poll() is not None


@pytest.mark.parametrize("bug", [None, "a process is its pid"])
def test_a_stranger_is_never_signalled(stranger: subprocess.Popen[bytes], bug: str | None) -> None:
    with PROCESSES[bug]() if bug else nullcontext():
        assert is_hit(stranger) == (bug is not None)
