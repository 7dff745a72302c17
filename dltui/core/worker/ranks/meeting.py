"""The file by which the ranks of one machine find one another."""

from __future__ import annotations

import contextlib
import glob
import shutil
import tempfile
import time
from pathlib import Path

from dltui.core.errors import RunError
from dltui.core.machine.process import this_host
from dltui.core.rundir import lock

PREFIX, UNLOCKED = "dltui-ranks-", "dltui-ranks.unlocked-"
"""The beginnings of the names of folders; those without a lock nobody else removes, since they may be in use."""
LOCK = "lock"
YOUNG_SECONDS = 60.0
"""Between its making and its locking a folder is younger."""


class Meeting:
    """A file in a temporary folder. It must stay as long as the ranks do, whose libraries go on to look there."""

    def __init__(self) -> None:
        """Make the folder, and remove those of workers that were killed. Raises OSError."""
        _sweep(Path(tempfile.gettempdir()))
        self._folder, self._lock = Path(tempfile.mkdtemp(prefix=_prefix())), lock.RunLock()
        try:
            self._lock.acquire(self._folder / LOCK)
        except RunError:
            self._folder = self._folder.rename(self._folder.with_name(f"{UNLOCKED}{self._folder.name}"))
        self.file = self._folder / "rendezvous"

    def end(self) -> None:
        """Remove the folder: all ranks have ended."""
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)


def _prefix() -> str:
    """The folders of other hosts may be held by locks that this one does not see."""
    return f"{PREFIX}{this_host()}-"


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{glob.escape(_prefix())}*"):
        with contextlib.suppress(OSError):
            if not lock.is_held(left / LOCK) and time.time() - left.stat().st_mtime > YOUNG_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
