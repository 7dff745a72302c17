"""The screen gives way to training: its threads run at a lower priority and, when they wake up, wait until the thread
that runs has had its turn (SCHED_BATCH); the workers that it starts do not. On Linux only, where each thread has a nice
value and a policy of its own and a child inherits those of the thread which starts it, setpriority(2), sched(7)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

NICE = 10
_before: list[ThreadPoolExecutor] = []


def give_way() -> None:
    """Lower the priority of the calling thread and of all that it starts from here on."""
    if sys.platform != "linux" or _before:
        return
    from concurrent.futures import ThreadPoolExecutor

    keeper = ThreadPoolExecutor(1, "starts workers")
    # Its thread begins with its first task.
    keeper.submit(os.getpid).result()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + NICE)
    except OSError:
        keeper.shutdown()
        return
    _before.append(keeper)
    # A sandbox may forbid it, and the user may have chosen a policy of even lower priority.
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen` at the original priority of this program. Raises OSError likewise."""

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, **options)

    return _before[0].submit(begin).result() if _before else begin()
