"""A process of this machine. It is the default, with which core starts workers itself; here it stands as the smallest
example of a launcher.
"""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

from dltui.core.contract.launchers import Job, Launch, Launcher, LaunchState
from dltui.core.machine import process


def begin(command: list[str], environment: dict[str, str], launch: Launch) -> Job:
    """Start a process in a session of its own, which prints to the run's log; returns it as a job."""
    log = os.open(launch.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        found = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    finally:
        os.close(log)
    ticks = process.start_ticks(found.pid) or 0
    return {"host": process.this_host(), "boot_id": process.boot_id(), "pid": found.pid, "start_ticks": ticks}


def identity(job: Job) -> process.ProcessId:
    """The process of a job."""
    return process.ProcessId(str(job["host"]), str(job["boot_id"]), int(job["pid"]), int(job["start_ticks"]))


def start(launch: Launch, options: Any) -> Job:
    return begin(list(launch.command), {**os.environ, **launch.environment}, launch)


def state(launch: Launch, job: Job) -> LaunchState:
    alive = process.alive(identity(job))
    return LaunchState("unknown" if alive is None else "running" if alive else "gone", str(job["host"]))


def kill(launch: Launch, job: Job) -> None:
    if process.alive(identity(job)) is not False:
        process.send_signal(identity(job), signal.SIGKILL)


LAUNCHER = Launcher("local", "a process of this machine", start, state, kill, away=False)
