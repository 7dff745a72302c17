"""Carries out a command that is killed with its parent: `python -P -m dltui.plugins.launchers.leash_process PID WORDS`.

On other systems than Linux it outlives the parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PDEATHSIG = 1
"""Of prctl."""


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            # It died before it could be noticed.
            return 137
    os.execv(command[0], command)
    return 70


if __name__ == "__main__":
    sys.exit(main())
