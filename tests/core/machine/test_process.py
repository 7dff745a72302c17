"""Processes: dead is dead, a zombie too, and a stranger with a reused pid is left alone."""

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

import pytest

from dltui.core.errors import RunError
from dltui.core.machine import process
from dltui.core.machine.process import ProcessId, alive, current, send_signal, start_ticks


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


def identity(pid: int) -> ProcessId:
    ticks = start_ticks(pid)
    assert ticks is not None
    return replace(current(), pid=pid, start_ticks=ticks)


def test_this_process_lives() -> None:
    assert alive(current()) is True


def test_a_killed_child_is_dead_before_and_after_it_was_waited_for(sleeper: subprocess.Popen[bytes]) -> None:
    child = identity(sleeper.pid)
    assert alive(child) is True
    os.kill(sleeper.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    # A zombie here: nobody has waited for it.
    assert alive(child) is False
    sleeper.wait()
    assert alive(child) is False


def test_a_reused_pid_is_a_stranger_and_gets_no_signal(sleeper: subprocess.Popen[bytes]) -> None:
    child = identity(sleeper.pid)
    ours = replace(child, start_ticks=child.start_ticks - 1)
    assert alive(ours) is False
    with pytest.raises(RunError, match="gone already"):
        send_signal(ours, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_pid_reused_between_the_look_and_the_signal(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = replace(identity(sleeper.pid), start_ticks=1)
    monkeypatch.setattr(process, "alive", lambda _: True)
    with pytest.raises(RunError, match="gone already"):
        send_signal(ours, signal.SIGKILL)
    assert sleeper.poll() is None


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_signal_reaches_its_process(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    if not pidfd:

        def refuse(pid: int) -> int:
            raise OSError(38, "not there in this kernel")

        monkeypatch.setattr(os, "pidfd_open", refuse)
    send_signal(identity(sleeper.pid), signal.SIGTERM)
    assert sleeper.wait(timeout=5) == -signal.SIGTERM


def test_another_host_cannot_be_known() -> None:
    there = ProcessId("gpu02", "another boot", os.getpid(), 1)
    assert alive(there) is None
    with pytest.raises(RunError, match="gpu02"):
        send_signal(there, signal.SIGKILL)


def test_another_container_of_this_machine_is_known_only_while_it_is_visible() -> None:
    assert alive(replace(current(), host="container")) is True
    assert alive(replace(current(), host="container", start_ticks=1)) is None


def test_a_reboot_kills_everything() -> None:
    assert alive(replace(current(), boot_id="before the boot")) is False


def test_a_program_may_be_called_anything(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    shutil.copy("/bin/sleep", program)
    child = subprocess.Popen([program, "60"])
    try:
        found = start_ticks(child.pid)
        mine = start_ticks(os.getpid())
        assert found is not None
        assert mine is not None
        assert found >= mine
    finally:
        child.kill()
        child.wait()
    assert start_ticks(child.pid) is None
    assert start_ticks(0) is None
    assert start_ticks(-1) is None


def test_a_user_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert process.user_at_host() == f"{os.getuid()}@{process.this_host()}"
