"""Identifies processes in a way that a reused pid cannot fake, across hosts and reboots."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dltui.core.errors import RunError
from dltui.core.text import clean_line

_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True)
class ProcessId:
    """A permanent identity of a process: pids are reused, start times (in ticks since boot) are not."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int


@functools.cache
def this_host() -> str:
    return os.uname().nodename


@functools.cache
def boot_id() -> str:
    """The id of the current boot; "" when the system does not give it."""
    if _LINUX:
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""
    command = ["sysctl", "-n", "kern.bootsessionuuid"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


@functools.cache
def namespace() -> int:
    """The PID namespace of this process, in which its pids are valid; 0 where there are no namespaces."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def current() -> ProcessId:
    """The identity of this process."""
    pid = os.getpid()
    return ProcessId(this_host(), boot_id(), pid, start_ticks(pid) or 0)


def start_ticks(pid: int) -> int | None:
    """The start time of a process of this host, in clock ticks, or None when it is dead; a zombie is dead."""
    if pid <= 0:
        return None
    if not _LINUX:
        return _start_by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name of the program, in parentheses, may itself contain spaces and parentheses.
    fields = stat[stat.rfind(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X", b"x") else int(fields[19])


def _start_by_psutil(pid: int) -> int | None:
    import psutil

    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else int(found.create_time() * 100)
    except psutil.Error:
        return None


def alive(process: ProcessId) -> bool | None:
    """True if the process lives; None when that cannot be known from here, because it ran on another host."""
    if process.boot_id == boot_id():
        if start_ticks(process.pid) == process.start_ticks:
            return True
        # Another name with this boot: a container, whose processes are not all visible from here.
        return False if process.host == this_host() else None
    return False if process.host == this_host() else None


def send_signal(process: ProcessId, number: int) -> None:
    """Signal exactly this process, never another that got its pid. Raises RunError when it cannot."""
    here = alive(process)
    if here is None:
        raise RunError(f"the worker runs on {process.host}; log in there to signal it")
    try:
        if not here:
            raise ProcessLookupError
        _send(process, number)
    except ProcessLookupError as error:
        raise RunError(f"the worker (pid {process.pid}) has gone already") from error
    except PermissionError as error:
        raise RunError(f"the worker (pid {process.pid}) belongs to another user") from error


def _send(process: ProcessId, number: int) -> None:
    if sys.platform == "linux":
        try:
            fd = os.pidfd_open(process.pid)
        except OSError as error:
            if isinstance(error, (ProcessLookupError, PermissionError)):
                raise
        else:
            try:
                # The descriptor holds one process. That it is ours is checked after it was opened.
                _check(process)
                signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)
            return
    _check(process)
    os.kill(process.pid, number)


def _check(process: ProcessId) -> None:
    if start_ticks(process.pid) != process.start_ticks:
        raise ProcessLookupError


def user() -> str:
    """The login name, or the number of a user without one (a container)."""
    import getpass

    try:
        return clean_line(getpass.getuser(), 64)
    except (OSError, KeyError):
        return str(os.getuid())


def user_at_host() -> str:
    """The current user and host as `user@host`."""
    return f"{user()}@{this_host()}"
