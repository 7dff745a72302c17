"""The files of a run as the far side gives them: what was appended to the log, and the small files that changed."""

from __future__ import annotations

import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltui.core.errors import UsageError
from dltui.core.hosts import asked, wire
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import OVER, Status
from dltui.core.rundir import claim, notes
from dltui.core.rundir.directory import RunDirectory

LOG = "events.jsonl"
PRINTED = "worker.log"
SMALL = ("run.json", "labels.json", "live.json", "figures.json", "series.json")
"""The files that are given whole whenever they have changed. secrets.json is never given."""
_ARRAYS = ("validation-latest", "validation-best", "test", "heat-maps", "embeddings")
LARGE = (*(f"predictions/{name}.npz" for name in _ARRAYS), f"predictions/{notes.EPOCHS}")
"""The files that are given when an open tab needs them."""
MOST_SMALL = 4 << 20
"""The most bytes of a small file, and of all in an answer but the last: packed they must fit into a line."""
MOST_LARGE = 1 << 30
PIECE = 192 * 1024
"""The most bytes of a log or a file in an answer."""
TAIL = 4096
"""The bytes before its end by which a log is known again."""
PRINTED_TAIL = 64 * 1024
PRINTED_PIECE = 2048
"""The most bytes of worker.log in an answer: a library that prints without end must not fill the line."""
_MOST_READERS = 32


class Readers:
    """Readers of the runs that were asked about, which follow their logs."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, RunReader] = OrderedDict()
        self._lock = threading.Lock()

    def status(self, run: RunDirectory) -> dict[str, Any]:
        """The status of a run as it is seen where it lives; its launcher, which only this host can ask, is asked."""
        found = self._status(run)
        if not found.over:
            launching.refresh(run, found)
        elif launching.refresh_all([(run, found)]):
            # A run that was preempted may wait for its next attempt.
            found = self._status(run)
        # Between the end of a run and its figures its worker lives as well.
        alive = found.name not in OVER or found.phase == "exporting" or self._works(run)
        told = {"status": found.name, "why": found.why, "phase": found.phase, "since": found.since}
        return told | {"alive": alive, "attempt": found.attempt}

    def has_obeyed(self, run: RunDirectory, command: str) -> bool:
        """True if the log of a run acknowledges a command."""
        with self._lock:
            return any(entry["id"] == command for entry in self._refreshed(run).history.commands)

    def _works(self, run: RunDirectory) -> bool:
        with self._lock:
            live = self._refreshed(run).live()
        return live is not None and claim.look(run.path, live).alive is True

    def _status(self, run: RunDirectory) -> Status:
        with self._lock:
            return self._refreshed(run).status()

    def _refreshed(self, run: RunDirectory) -> RunReader:
        reader = self._known.pop(run.id, None) or RunReader(run, most_points=64)
        self._known[run.id] = reader
        if len(self._known) > _MOST_READERS:
            self._known.popitem(last=False)
        reader.refresh()
        return reader


class Pulls:
    """What has been given of each run on this connection, so that the next question need not say it again."""

    def __init__(self) -> None:
        self.readers = Readers()
        self._given: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def pull(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What has changed of a run. `log` is {at, tail, crc} of the log as the other side has it, which has nothing
        else then; without it the other side has all that was given. `printed` is the offset in worker.log, where that
        is wanted.
        """
        run = asked.run(question)
        anew = "log" in question or run.id not in self._given
        at, known = (asked.table(question, "log"), {}) if anew else self._given[run.id]
        # The status comes first: what it says has then been written.
        answer: dict[str, Any] = {"told": self.readers.status(run)}
        answer["log"], at = _log(run.path, at)
        files = _changes(run.path, known)
        answer |= {"files": files} if files else {}
        if "printed" in question:
            answer["printed"] = _printed(run.path, asked.whole(question, "printed"))
        self._given[run.id] = at, {**known, **{name: found.get("stamp") for name, found in files.items()}}
        return answer


def stamps(question: Mapping[str, Any]) -> dict[str, Any]:
    """The stamps of the large files of a run."""
    folder = asked.run(question).path
    return {"stamps": {name: stamp for name in LARGE if (stamp := _stamp(folder, name)) is not None}}


def _log(folder: Path, at: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was appended to a log since an offset, all of it when the log is another one; and the place after it."""
    offset, tail, crc = (asked.whole(at, name) for name in ("at", "tail", "crc"))
    try:
        fd = asked.open_below(folder, LOG)
    except OSError:
        return {"from": 0, "size": 0, "text": ""}, {"at": 0, "tail": 0, "crc": 0}
    try:
        size = os.fstat(fd).st_size
        tail = min(tail, TAIL, offset)
        if offset > size or zlib.crc32(os.pread(fd, tail, offset - tail)) != crc:
            offset = 0
        data = os.pread(fd, PIECE, offset)
        end = offset + len(data)
        tail = min(end, TAIL)
        place = {"at": end, "tail": tail, "crc": zlib.crc32(os.pread(fd, tail, end - tail))}
        return {"from": offset, "size": size, **wire.as_json(data)}, place
    finally:
        os.close(fd)


def _printed(folder: Path, offset: int) -> dict[str, Any]:
    """What was printed since an offset: the newest of it when that is much, or the file was cut."""
    try:
        fd = asked.open_below(folder, PRINTED)
    except OSError:
        return {"from": 0, "size": 0, "text": ""}
    try:
        size = os.fstat(fd).st_size
        most = PRINTED_PIECE if 0 < offset <= size else PRINTED_TAIL
        start = max(offset if offset <= size else 0, size - most)
        return {"from": start, "size": size, **wire.as_json(os.pread(fd, size - start, start))}
    finally:
        os.close(fd)


def _changes(folder: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """The small files that have changed; what would make the answer too large is left for the next."""
    found: dict[str, Any] = {}
    size = 0
    for name in SMALL:
        one = _changed(folder, name, known.get(name)) if size < MOST_SMALL else None
        if one is not None:
            found[name] = one
            size += one["stamp"][1] if one else 0
    return found


def _changed(folder: Path, name: str, known: object) -> dict[str, Any] | None:
    """A small file with its stamp; None for one that is known, {} for one that is gone."""
    try:
        fd = asked.open_below(folder, name)
    except OSError:
        return {} if known is not None else None
    try:
        stamp = _numbers(os.fstat(fd))
        if stamp == known or stamp[1] > MOST_SMALL:
            return None
        data = os.pread(fd, stamp[1], 0)
        return {"stamp": stamp, **wire.as_json(data.rstrip(b" ") if name == "live.json" else data)}
    finally:
        os.close(fd)


def _stamp(folder: Path, name: str) -> list[int] | None:
    try:
        fd = asked.open_below(folder, name)
    except OSError:
        return None
    try:
        return _numbers(os.fstat(fd))
    finally:
        os.close(fd)


def _numbers(found: os.stat_result) -> list[int]:
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def piece(folder: Path, name: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of a file below a folder, from the offset `at` on, with the file's stamp. Raises UsageError."""
    try:
        fd = asked.open_below(folder, name)
    except OSError:
        raise UsageError(f"{name} is gone") from None
    try:
        data = os.pread(fd, PIECE, asked.whole(question, "at"))
        return {"stamp": _numbers(os.fstat(fd)), **wire.as_json(data)}
    finally:
        os.close(fd)


def large(question: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of a large file of a run."""
    name = asked.text(question, "file")
    if name not in LARGE:
        raise UsageError("no such file of a run")
    return piece(asked.run(question).path, name, question)
