"""The files and answers that runs give: figures, pictures, a trained model that is tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.lifecycle.trained_model import Conversation
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.services.this_host import Viewer


class Exporting:
    """The figures of a run, and the command to copy them to another machine."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def export(self, run: RunDirectory) -> Path:
        """Draw the figures again, in a separate process. Returns their folder. Raises UsageError."""
        from dltui.core.rundir import place
        from dltui.core.worker import figures

        folder = place.exports_folder(run)
        try:
            figures.draw(run, folder, None)
        except RunError as error:
            raise UsageError(f"figures not drawn: {error}") from error
        return folder

    def look_inside(self, run: RunDirectory) -> list[str]:
        """Make the heat maps of a run, in a process with its framework. Returns a line where there are none. Raises
        RunError or UsageError."""
        from dltui.core.lifecycle.trained_model import ask

        lines: list[str] = ask(run, {"look": ["heat-maps"]})["lines"]
        return lines

    def picture(self, svg: str, folder: Path, columns: int) -> list[Path]:
        """Write a picture of the screen; returns its files. Raises UsageError."""
        from dltui.tui.base.effects.screen_picture import write

        return write(svg, folder, columns)

    def comparison(self, runs: Sequence[RunDirectory], folder: Path) -> list[str]:
        """Draw the comparison of runs, in a separate process. Returns its files. Raises UsageError or RunError."""
        from dltui.core.worker import figures

        return figures.draw_comparison([run.path for run in runs], folder, ["svg"])[0]

    def copy_line(self, *folders: Path) -> str:
        """The command that copies folders, to be typed on the other machine."""
        from dltui.core.worker.figures import copy_line

        return copy_line(self._viewer.where(), folders)


class Trying:
    """The process with which a trained model is tried."""

    def open(self, run: RunDirectory) -> Conversation:
        """Start a process with the model of a run. Raises UsageError for code that is missing."""
        from dltui.core.lifecycle.trained_model import Conversation

        return Conversation(run)
