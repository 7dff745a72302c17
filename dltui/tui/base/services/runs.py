"""The runs that there are: found, steered, named and deleted."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.analysis.forecast import Earlier
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory


class Runs:
    """The runs of this home, and their labels."""

    def find(self, text: str | None) -> RunDirectory:
        """The run for an id, a name or a path. Raises UsageError."""
        from dltui.core.rundir.directory import find_run

        return find_run(text)

    def folder(self) -> Path:
        """The folder of the runs."""
        from dltui.core import paths

        return paths.runs_dir()

    def all(self) -> list[RunDirectory]:
        """Every run, the newest first."""
        from dltui.core.rundir.directory import list_runs

        return list_runs()

    def earlier(self) -> list[Earlier]:
        """The runs that have ended here, from which the next run can be forecast."""
        from dltui.core.analysis.forecast import earlier_runs

        return earlier_runs(self.all())

    def goes_on(self, run: RunDirectory, clock: Callable[[], float]) -> bool:
        """True if a run is live at the time of the clock. One that cannot be read is not."""
        with contextlib.suppress(DltuiError, OSError):
            reader = read(run)
            reader.clock = clock
            return run.path.exists() and not reader.status().over
        return False

    def label(self, run: RunDirectory, **changes: Any) -> None:
        """Change name, tags or note. Raises RunError."""
        run.set_labels(**changes)


class Trash:
    """The runs deleted in this session; each can be restored for a day, also after the screen is left."""

    def __init__(self) -> None:
        self._deleted: list[list[tuple[RunDirectory, Path]]] = []

    def discard(self, run: RunDirectory, together: bool = False) -> None:
        """Delete a run so that it can be restored, with those before it when they are `together`. Raises UsageError."""
        from dltui.core.lifecycle.trash import discard

        if not together or not self._deleted:
            self._deleted.append([])
        place = discard(run, with_=self._deleted[-1][0][1] if self._deleted[-1] else None)
        self._deleted[-1].append((run, place))

    def restore(self) -> list[str]:
        """Restore the last deleted runs, and return their ids. Raises UsageError."""
        from dltui.core.lifecycle.trash import restore

        if not self._deleted:
            return []
        back = self._deleted[-1]
        for run, place in back:
            restore(place, run)
        self._deleted.pop()
        return [run.id for run, _ in back]

    def leave(self) -> list[str]:
        """Delete runs for good that were deleted more than a day ago. Returns a line for the shell about those of this
        session.
        """
        from dltui.core.lifecycle.trash import empty
        from dltui.core.text import plural

        empty()
        count = sum(map(len, self._deleted))
        return [f"{plural(count, 'deleted run')} can come back for 24 hours: dltui rm --undo"] if count else []


class Commands:
    """Commands to a live run."""

    def send(
        self,
        run: RunDirectory,
        action: str,
        arguments: dict[str, Any],
        known_as: str | None = None,
        attempt: int | None = None,
    ) -> str:
        """Send a command to an attempt, None is any, and return the id by which the log will acknowledge it, which may
        be given. Raises UsageError.
        """
        from dltui.core.rundir.commands import send

        return send(run.path, action, arguments, known_as=known_as, attempt=attempt)

    def take_out(self, run: RunDirectory) -> None:
        """Take a run out of the queue where its launcher has put it. Raises UsageError."""
        from dltui.core.lifecycle.launch import launching

        launching.end(run)

    def kill_cost(self, run: RunDirectory) -> str:
        """A description of what a kill would lose. Raises UsageError where nothing can be killed from here."""
        from dltui.core.lifecycle import kill as run_kill

        return run_kill.cost(read(run))

    def kill(self, run: RunDirectory, attempt: int | None = None) -> None:
        """End an attempt of a run at once, None is any. Raises UsageError where that is not possible."""
        from dltui.core.lifecycle import kill as run_kill

        run_kill.kill(read(run), attempt)


def read(run: RunDirectory) -> RunReader:
    from dltui.core.reading.reader import RunReader

    reader = RunReader(run)
    reader.refresh()
    return reader
