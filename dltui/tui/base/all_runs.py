"""The runs of this home for a list that is looked at for hours: what has ended is read again only when its folder has
changed, so that a list at rest costs next to nothing, however long it is."""

from __future__ import annotations

import contextlib
import os
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.lifecycle.launch import launching
from dltui.core.reading import list_cache
from dltui.core.reading.list_cache import Stamp
from dltui.core.reading.progress import progress
from dltui.core.reading.rows import quiet, stamp
from dltui.core.reading.summary import unreadable_reason
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line, safe
from dltui.tui.base.summary import Summary, open_reader, summarize
from dltui.tui.base.summary_json import as_json, fields_from_json

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

FOLDERS_A_LOOK = 125
"""Runs that have ended whose folder is looked at each time; the others have their turn at one of the next looks."""
FILES_A_LOOK = 12
"""Runs that have ended whose files are all looked at each time, also in turn: a file that is changed in place leaves
its folder as it was.
"""
KIND = "summaries"
SAVE_SECONDS = 30.0
"""The time after which what is kept is compared with what is known, and written if it has changed."""
TURNS = 40
SLOW_TURNS = 400


def in_order(runs: Iterable[Summary]) -> list[Summary]:
    """The runs as a list shows them: the live ones first, then the newest first."""
    return sorted(runs, key=lambda one: (not one.is_live, -one.created, one.id))


class RunList:
    """Reads all runs in a folder again and again. One that `keeps` leaves in the cache what it has read of runs that
    have ended, and begins with what was left there.
    """

    def __init__(self, folder: Path, clock: Callable[[], float], keeps: bool = False) -> None:
        self._folder, self._clock, self._keeps = str(folder), clock, keeps
        self._kept: dict[str, Summary] | None = None
        """The summaries that are in the cache; None before the first look."""
        self._saved = -SAVE_SECONDS
        self._names: list[str] = []
        self._listed: tuple[int, int] | None = None
        self._awake: dict[str, Summary | None] = {}
        """Runs that are read each time, with what was read last; None for a folder that is no run (yet)."""
        self._readers: dict[str, tuple[RunReader, dict[str, Any]]] = {}
        self._resting: dict[str, tuple[Stamp, Summary]] = {}
        self._order: list[str] = []
        """The names in `_resting`, in the order of their turns."""
        self._turn = 0
        self._all: list[Summary] = []
        self._pool: dict[Any, Any] = {}

    @property
    def known(self) -> list[Summary]:
        """All runs as they were last read."""
        return self._all

    def read(self, thorough: bool = False) -> list[Summary]:
        """All runs: the live ones first, then the newest first. The same object as before when nothing has changed.
        `thorough` looks at every file of every run at once. Raises UsageError for a folder that cannot be read; what is
        known of the runs in it stays.
        """
        changed = self._list()
        if self._keeps and self._kept is None:
            self._load()
        for name in self._due(thorough):
            self._awake[name] = self._resting.pop(name)[1]
        for name in list(self._awake):
            changed = self._read(name) or changed
        if len(self._order) != len(self._resting):
            self._order = list(self._resting)
        if changed:
            known = [*filter(None, self._awake.values()), *(summary for _, summary in self._resting.values())]
            self._all = in_order(known)
        if self._keeps:
            self._save()
        return self._all

    def _load(self) -> None:
        """Take the runs whose files are as they were when they were read for the cache."""
        self._kept = {}
        for name, (numbers, values) in list_cache.load(KIND).items():
            if name not in self._awake or numbers != stamp(f"{self._folder}/{name}"):
                continue
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                told = {"id": safe(name), "host": safe(values.get("host", "")), **fields_from_json(values)}
                summary = Summary(RunDirectory(f"{self._folder}/{name}"), **self._shared(told))
                self._kept[name] = summary
                self._resting[name] = (numbers, summary)
                del self._awake[name]

    def _save(self) -> None:
        """Leave what rests now. A run that was interrupted may be found to go on without a change of its files."""
        now = time.monotonic()
        if now - self._saved < SAVE_SECONDS:
            return
        self._saved, old = now, self._kept or {}
        known = {name: one for name, (_, one) in self._resting.items() if one.status != "interrupted"}
        if known.keys() != old.keys() or any(known[name] is not old[name] for name in known):
            list_cache.save(KIND, {name: (self._resting[name][0], as_json(one)) for name, one in known.items()})
            self._kept = known

    def _list(self) -> bool:
        """See which runs have come and gone; True when some have. Raises UsageError, and then all stay."""
        try:
            found = os.stat(self._folder)  # noqa: PTH116
            key = (found.st_ino, found.st_ctime_ns)
            if key == self._listed:
                return False
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            key, names = (0, 0), []
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"the runs in {clean_line(self._folder)} cannot be read: {reason}") from error
        # What came in the same moment does not show in the time of the folder.
        self._listed = key if quiet([*key, 0, 0], time.time_ns()) else None
        if names == self._names:
            return False
        gone, new = set(self._names).difference(names), set(names).difference(self._names)
        self._names = names
        for name in gone:
            self._awake.pop(name, None)
            self._readers.pop(name, None)
            self._resting.pop(name, None)
        self._awake.update(dict.fromkeys(new))
        return True

    def _due(self, thorough: bool) -> list[str]:
        """The resting runs whose turn it is and whose files have changed."""
        names, self._turn = self._order, self._turn + 1
        fast = min(1 + len(names) // FOLDERS_A_LOOK, TURNS)
        slow = 1 if thorough else min(1 + len(names) // FILES_A_LOOK, SLOW_TURNS)
        due = [name for name in names[self._turn % fast :: fast] if self._folder_changed(name)]
        due += [name for name in names[self._turn % slow :: slow] if self._changed(name)]
        return [name for name in dict.fromkeys(due) if name in self._resting]

    def _folder_changed(self, name: str) -> bool:
        try:
            found = os.stat(f"{self._folder}/{name}")  # noqa: PTH116
        except OSError:
            return True
        known = self._resting.get(name)
        return known is not None and known[0][:2] != [found.st_ino, found.st_ctime_ns]

    def _changed(self, name: str) -> bool:
        known = self._resting.get(name)
        return known is not None and known[0] != stamp(f"{self._folder}/{name}")

    def _read(self, name: str) -> bool:
        """Read a run; True when it is not as it was."""
        numbers = stamp(f"{self._folder}/{name}")
        before = self._awake[name]
        if numbers is None:
            self._awake[name] = None
            return before is not None
        summary, rests = self._look(name)
        if summary == before and before is not None:
            summary = before
        if rests and quiet(numbers, time.time_ns()):
            del self._awake[name]
            self._readers.pop(name, None)
            self._resting[name] = (numbers, self._lean(summary))
        else:
            self._awake[name] = summary
        return summary is not before

    def _look(self, name: str) -> tuple[Summary, bool]:
        """A run as it is; and True if only a change of its files can change it."""
        directory = RunDirectory(f"{self._folder}/{name}")
        try:
            reader, run = self._readers.get(name) or open_reader(directory, self._clock)
            self._readers[name] = reader, run
            reader.refresh()
            status, live = reader.look()
            launching.refresh(directory, status)
            summary = summarize(reader, run, status, live, progress(reader.history, live))
        except Exception as error:
            # Whatever is in one folder, the others stay in the list.
            self._readers.pop(name, None)
            return Summary(directory, safe(name), safe(name), "failed", safe(unreadable_reason(error))), True
        return summary, status.over and status.phase == "ended"

    def _lean(self, summary: Summary) -> Summary:
        """The same summary in little memory: equal values are shared, and its reader is dropped."""
        shared = self._shared({field.name: getattr(summary, field.name) for field in fields(summary)})
        return replace(summary, **{**shared, "directory": RunDirectory(summary.directory.path), "obeyed": ()})

    def _shared(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a summary, values that others have too only once."""
        found = {name: self._once(value) if isinstance(value, str) else value for name, value in values.items()}
        found["facts"] = {self._once(name): self._once(value) for name, value in values.get("facts", {}).items()}
        found["differs"] = tuple(self._once(tuple(map(self._once, one))) for one in values.get("differs", ()))
        return {**found, "trend": array("d", values.get("trend", ()))}

    def _once(self, value: Any) -> Any:
        if not isinstance(value, (str, float, tuple)):
            return value
        return self._pool.setdefault((type(value), value), value)
