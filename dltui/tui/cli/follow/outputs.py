"""Three ways to show a followed run: a live view, plain lines, or events as JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dltui.tui.cli.follow.lines import Lines
from dltui.tui.cli.output import can_show, say, say_json

if TYPE_CHECKING:
    from pathlib import Path

    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory


class Output(Protocol):
    """The interface of a way to show a followed run."""

    def show(self, reader: RunReader, status: Status, notice: Sequence[str]) -> None:
        """Show the state of the run directory; `notice` is a question in lines, or empty."""

    def close(self, reader: RunReader, status: Status, closing: list[str]) -> None:
        """Show the closing lines when the run is over or left."""

    def stop(self) -> None:
        """Restore the terminal; called in every case."""


class PlainOutput:
    """Prints a line for each event."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._notice: Sequence[str] = ()

    def show(self, reader: RunReader, status: Status, notice: Sequence[str]) -> None:
        for line in self._lines.more(reader.history, reader.live(), status):
            say(line)
        for line in () if self._notice else notice:
            say(line)
        self._notice = notice

    def close(self, reader: RunReader, status: Status, closing: list[str]) -> None:
        for line in closing:
            say(line)

    def stop(self) -> None:
        pass


class JsonOutput:
    """Prints one event per line as in the log; the first line, `run`, says where, the last, `exported`, names files,
    unless they are to be `fetched` yet.
    """

    def __init__(self, reader: RunReader, fetched: bool = False) -> None:
        from dltui.core.rundir import place
        from dltui.core.rundir.log import LogTail

        self._tail = LogTail(reader.directory.events_path)
        self._fetched = fetched
        say_json(
            {
                "type": "run",
                "id": reader.directory.id,
                "path": str(reader.directory.path),
                "exports": str(place.exports_folder(reader.directory)),
            }
        )

    def show(self, reader: RunReader, status: Status, notice: Sequence[str]) -> None:
        for record in self._tail.read():
            say_json({key: value for key, value in record.items() if key != "crc"})

    def close(self, reader: RunReader, status: Status, closing: list[str]) -> None:
        from dltui.core.rundir import place
        from dltui.tui.cli.follow.closing import exported_files

        self.show(reader, status, ())
        if not self._fetched:
            # The figures of a run of another host are there.
            folder = None if reader.told is not None else place.exports_folder(reader.directory)
            say_exported(reader.directory, status, exported_files(folder) if folder else [])

    def stop(self) -> None:
        pass


def say_exported(run: RunDirectory, status: Status, files: Sequence[Path]) -> None:
    """Print the object with the files of a run."""
    say_json({"type": "exported", "id": run.id, "status": status.name, "files": [str(path) for path in files]})


class LiveOutput:
    """A view that is redrawn in place; at the end its last state and the closing lines stay visible."""

    def __init__(self, notice: str) -> None:
        from rich.console import Console
        from rich.live import Live

        from dltui.tui.base.effects.taskbar import Taskbar

        self._notice = notice
        self._console = Console(markup=False, highlight=False, emoji=False)
        self._ascii = not can_show("━╸─")
        self._taskbar = Taskbar(self._console.file.write, os.environ)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()

    def show(self, reader: RunReader, status: Status, notice: Sequence[str]) -> None:
        from dltui.core.reading.progress import progress

        at = progress(reader.history, reader.live())
        if at is not None and not status.over:
            self._taskbar.show(at.run_fraction, status.name == "paused")
        self._live.update(self._view(reader, status, notice or (self._notice,)), refresh=True)

    def close(self, reader: RunReader, status: Status, closing: list[str]) -> None:
        self._live.update(self._view(reader, status, ()), refresh=True)
        self.stop()
        for line in closing:
            say(line)

    def stop(self) -> None:
        self._taskbar.clear()
        self._live.stop()

    def _view(self, reader: RunReader, status: Status, notice: Sequence[str]) -> Any:
        from dltui.tui.cli.follow.live_view import Frame, live_view

        return live_view(reader, status, time.time(), Frame(self._console.width, self._ascii, tuple(notice)))
