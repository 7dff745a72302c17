"""All that a screen does with sweeps; what it needs is imported when it is first used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.catalog.entries import Catalog
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.sweep.view import SweepReader, SweepView


class Sweeps:
    """Sweeps, and what can be done with them and their trials. Every method may block."""

    def __init__(self) -> None:
        self._readers: dict[str, SweepReader] = {}

    def look(self, name: str) -> SweepView:
        """A sweep as it is now. Raises UsageError."""
        from dltui.core.sweep.view import SweepReader

        return self._readers.setdefault(name, SweepReader(name)).look()

    def start(self, plan: Plan, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> str:
        """Begin a sweep; its name. Raises UsageError and leaves nothing behind."""
        from dltui.core.sweep import start

        folder = start.create(plan, request, catalog, tell)
        start.lead(folder)
        return folder.name

    def lead(self, name: str) -> None:
        """Go on with a sweep. Raises UsageError or RunError."""
        from dltui.core.sweep import folder, start

        start.lead(folder.find(name))

    def more(self, name: str, count: int) -> int:
        """Add trials, and go on; returns how many. Raises UsageError where nothing is left to do, or RunError."""
        from dltui.core.sweep import folder, start

        found = folder.find(name)
        added = start.more(found, count)
        start.lead(found)
        return added

    def stop(self, name: str) -> str:
        """Stop a sweep: its trials can go on. Returns what to say of those that could not be reached. Raises UsageError
        or RunError.
        """
        from dltui.core.sweep import folder, start

        return start.unreached(start.stop(folder.find(name)))

    def stop_trial(self, run: RunDirectory) -> None:
        """Stop a trial for good. Raises RunError."""
        from dltui.core.sweep import start

        start.stop_trial(run)

    def pin(self, run: RunDirectory, pinned: bool) -> None:
        """Pin a trial, or take that back. Raises RunError."""
        from dltui.core.analysis.trials import trial

        trial.pin(run, pinned)

    def promote(self, run: RunDirectory) -> None:
        """Let a pruned trial go on to the next rung. Raises UsageError or RunError."""
        from dltui.core.sweep import start

        start.resume_trial(run)

    def resume(self, run: RunDirectory) -> None:
        """Let a trial go on to its end. Raises UsageError or RunError."""
        from dltui.core.analysis.trials import trial
        from dltui.core.sweep import start

        trial.pin(run)
        start.resume_trial(run)

    def export(self, name: str) -> Path:
        """Draw the pictures of a sweep in a process; their folder. Raises UsageError."""
        from dltui.core.sweep import pictures

        return pictures.draw(name)
