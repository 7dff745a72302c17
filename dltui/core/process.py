"""Who a process is: a pid alone can be another's a second later, a pid with its start time cannot."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessId:
    """A process on some machine since some boot; `start_ticks` is its start time in the system's own clock."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int


@functools.cache
def this_host() -> str:
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def current() -> ProcessId:
    return ProcessId(this_host(), boot_id(), os.getpid(), start_ticks(os.getpid()) or 0)


def start_ticks(pid: int) -> int | None:
    """When a process started; None when there is none, or only its zombie."""
    if sys.platform != "linux":
        return _start_by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command in parentheses may hold anything, spaces and parentheses included.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _start_by_psutil(pid: int) -> int | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 100)
    except psutil.Error:
        return None


def alive(process: ProcessId) -> bool | None:
    """Whether exactly this process runs; None when it belongs to another machine, of which nothing can be said."""
    if process.host != this_host():
        return None
    return process.boot_id == boot_id() and start_ticks(process.pid) == process.start_ticks


def send_signal(process: ProcessId, number: signal.Signals) -> None:
    """Signal this process and no other. Raises ProcessLookupError when it is gone or on another machine."""
    if alive(process) is not True:
        raise ProcessLookupError(f"process {process.pid} of {process.host} is gone")
    if not hasattr(os, "pidfd_open"):
        os.kill(process.pid, number)
        return
    fd = os.pidfd_open(process.pid)
    try:
        # The pid may have changed hands between the first look and the pidfd; from here on it cannot.
        if alive(process) is not True:
            raise ProcessLookupError(f"process {process.pid} is gone")
        signal.pidfd_send_signal(fd, number)
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)
