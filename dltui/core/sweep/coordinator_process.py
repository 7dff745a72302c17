"""Sees to a sweep in a process of its own: `python -P -m dltui.core.sweep.coordinator_process NAME`."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from types import FrameType

from dltui.core.catalog.assemble import load_catalog
from dltui.core.errors import DltuiError, RunError
from dltui.core.rundir.lock import RunLock
from dltui.core.sweep.coordinator import Coordinator
from dltui.core.sweep.folder import SweepFolder


def lead(name: str) -> int:
    """See to the sweep to its end; returns the exit code. Another coordinator of it is left alone."""
    folder, lock = SweepFolder(name), RunLock()
    try:
        lock.acquire(folder.lock_path)
    except RunError as error:
        _say(str(error))
        return 0
    try:
        # The plugins of the request, by their absolute paths.
        Coordinator(folder, load_catalog(plugins=folder.request().plugins), _say).run()
    except DltuiError as error:
        _say(str(error))
        folder.tell_problem(str(error))
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        folder.tell_problem(f"{type(error).__name__}: {error}")
        return 1
    finally:
        lock.release()
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    def leave(signum: int, frame: FrameType | None) -> None:
        # Nothing is lost: what there is to do is read from the run directories.
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lead((sys.argv[1:] if argv is None else argv)[0])


if __name__ == "__main__":
    sys.exit(main())
