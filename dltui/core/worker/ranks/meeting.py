"""The file by which the ranks of one machine find one another."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from dltui.core.errors import RunError
from dltui.core.rundir import lock

PREFIX = "dltui-ranks-"
LOCK = "lock"
YOUNG_SECONDS = 60.0
"""Between its making and its locking a folder is younger."""


class Meeting:
    """A file in a temporary folder. It must stay as long as the ranks do, whose libraries go on to look there."""

    def __init__(self) -> None:
        """Make the folder, and remove those of workers that were killed. Raises OSError."""
        _sweep(Path(tempfile.gettempdir()))
        self._folder, self._lock = Path(tempfile.mkdtemp(prefix=PREFIX)), lock.RunLock()
        with contextlib.suppress(RunError):
            self._lock.acquire(self._folder / LOCK)
        self.file = self._folder / "rendezvous"

    def end(self) -> None:
        """Remove the folder: all ranks have ended."""
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if not lock.is_held(left / LOCK) and time.time() - left.stat().st_mtime > YOUNG_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
