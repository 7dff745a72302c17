"""Other runs laid over the watched run: read in its thread, passed on as plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core.errors import DltuiError
from dltui.core.reading.history import History
from dltui.core.text import safe
from dltui.tui.base.summary import open_reader

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory


@dataclass(frozen=True, eq=False)
class Overlaid:
    """Another run at a moment; the same run later is another one."""

    id: str
    name: str
    history: History = field(repr=False)


class Overlays:
    """Reads the runs that are `wanted`, by id. A run that cannot be read, or is gone, is left out."""

    def __init__(self, find: Callable[[str | None], RunDirectory], clock: Callable[[], float]) -> None:
        self.wanted: tuple[str, ...] = ()
        self._find, self._clock = find, clock
        self._readers: dict[str, RunReader] = {}
        self._last: tuple[Overlaid, ...] = ()

    def look(self) -> tuple[Overlaid, ...]:
        """The wanted runs; the identical tuple as long as nothing has changed."""
        known = {one.id: one for one in self._last}
        self._readers = {run: reader for run, reader in self._readers.items() if run in self.wanted}
        found = []
        for run in self.wanted:
            try:
                if run not in self._readers:
                    self._readers[run] = open_reader(self._find(run), self._clock)[0]
                reader = self._readers[run]
                changed = reader.refresh()
            except (DltuiError, OSError):
                continue
            if changed or run not in known:
                known[run] = Overlaid(run, safe(reader.labels["name"]), reader.history.copy())
            found.append(known[run])
        if len(found) != len(self._last) or any(a is not b for a, b in zip(found, self._last, strict=True)):
            self._last = tuple(found)
        return self._last
