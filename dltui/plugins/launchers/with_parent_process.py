"""Carries out a command that is killed with its parent.

    python -P -m dltui.plugins.launchers.with_parent_process PID WORDS

On other systems than Linux it outlives the parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PDEATHSIG = 1
"""Of prctl."""


def die_with(parent: int) -> bool:
    """Let this process be killed with its parent; False when that has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return os.getppid() == parent
    return True


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if not die_with(parent):
        return 137
    os.execv(command[0], command)
    return 70


if __name__ == "__main__":
    sys.exit(main())
