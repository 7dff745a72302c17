"""The event log: a checksummed line of JSON per event, appended, never truncated."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time as system_time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson

from dltui.core import fs
from dltui.core.rundir.events import Event

_CRC_KEY = b',"crc":"'
_TAIL = len(_CRC_KEY) + 8 + len(b'"}')
_BLOCK = 1 << 20
_MOST_LINE = 16 * 1024 * 1024
"""The longest line in bytes; a longer line is damage, and the log ends there."""


class Clock(Protocol):
    """The part of the module `time` that the log needs."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...


def encode(record: dict[str, Any]) -> bytes:
    """A record as a line, with checksum and newline. NaN and infinities become null."""
    try:
        text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError):
        text = json.dumps(_plain(record), separators=(",", ":"), allow_nan=False)
    body = text[:-1].encode("ascii")
    return b'%b%b%08x"}\n' % (body, _CRC_KEY, zlib.crc32(body))


def _plain(value: Any) -> Any:
    """A value with JSON types only: numbers of other libraries become Python's, NaN and infinities become None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def decode(line: bytes) -> dict[str, Any] | None:
    """The record of a line without its newline, or None when the line is damaged."""
    body = line[:-_TAIL]
    if line[-_TAIL:] != b'%b%08x"}' % (_CRC_KEY, zlib.crc32(body)):
        return None
    try:
        record = _loads(body + b"}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        return None
    numbers = (record.get("seq"), record.get("attempt"))
    return record if all(type(number) is int for number in numbers) else None


def _loads(text: bytes) -> Any:
    """Parse JSON as Python's own parser does; the fast parser alone refuses integers above 64 bits and lone
    surrogates.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text.decode("ascii"))


class EventLog:
    """The writer of the log. A line that was not completely written, or whose fsync failed, is written again after a
    newline: readers drop damaged lines and duplicates.
    """

    def __init__(self, path: Path, attempt: int, clock: Clock = system_time) -> None:
        self.path = path
        self.attempt = attempt
        self._clock = clock
        self._began = clock.monotonic()
        self._seq = last_seq(path)
        self._fd = self._open()
        end = os.lseek(self._fd, 0, os.SEEK_END)
        # A line that a killed worker left unfinished stays a line of its own.
        self._fresh = end == 0 or os.pread(self._fd, 1, end - 1) == b"\n"
        self._last: Event | None = None
        self._unsynced: list[bytes] = []
        self._doubtful = False

    def _open(self) -> int:
        is_new = not self.path.exists()
        fd = fs.FS.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        if is_new:
            fs.FS.fsync_dir(self.path.parent)
        return fd

    def append(self, event: Event, sync: bool = False) -> dict[str, Any]:
        """Write an event; with `sync` it is on the disk on return. Raises OSError; the same object may then be appended
        again and appears once.
        """
        if self._doubtful and event is self._last:
            # It was written, only its fsync failed: trying again must not tell it twice.
            self.sync()
            return decode(self._unsynced[-1][:-1]) or {} if self._unsynced else event.to_json()
        record = {
            "seq": self._seq + 1,
            "time": round(self._clock.time(), 3),
            "elapsed": round(self._clock.monotonic() - self._began, 3),
            "attempt": self.attempt,
            **event.to_json(),
        }
        line = encode(record)
        self._write(line)
        self._seq += 1
        self._last = event
        self._unsynced.append(line)
        if sync:
            self.sync()
        return record

    def _write(self, line: bytes) -> None:
        data = line if self._fresh else b"\n" + line
        self._fresh = False
        fs.append_all(self._fd, data)
        self._fresh = True

    def sync(self) -> None:
        """Flush everything to the disk. After a failure the uncertain lines are written again, through a new
        descriptor: the kernel may have dropped them, and reports that only once.
        """
        if self._doubtful:
            fd = fs.FS.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            self._fd, old, self._fresh = fd, self._fd, False
            with contextlib.suppress(OSError):
                fs.FS.close(old)
            for line in self._unsynced:
                self._write(line)
        elif not self._unsynced:
            return
        self._doubtful = True
        fs.FS.fsync(self._fd)
        self._doubtful = False
        self._unsynced.clear()

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            fs.FS.close(self._fd)


def last_seq(path: Path) -> int:
    """The sequence number of the last good line, 0 when there is none; reads from the end."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    block = 1 << 16
    with path.open("rb") as file:
        while True:
            start = max(0, size - block)
            file.seek(start)
            lines = file.read(size - start).split(b"\n")
            # The first piece may be the end of a longer line.
            for line in reversed(lines if start == 0 else lines[1:]):
                record = decode(line) if line else None
                if record is not None:
                    return int(record["seq"])
            if start == 0:
                return 0
            block *= 4


class LogTail:
    """A reader of a growing log. `bad_lines` counts damaged lines, `restarted` is true if the last `read` began from
    the start because the file shrank or was replaced, so that earlier records no longer hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restarted = False
        self._forget()

    def _forget(self) -> None:
        self.bad_lines = 0
        self.bad_tail = 0
        """The damaged lines since the last intact line."""
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._rest: list[bytes] = []
        self._overlong = False
        self._seen = (0, 0)

    def read(self) -> list[dict[str, Any]]:
        """The intact records that were completed since the last call, oldest first."""
        return [record for block in self.blocks() for record in block]

    def blocks(self) -> Iterator[list[dict[str, Any]]]:
        """The same records in parts, so that a long log need not be in memory as a whole."""
        self.restarted = False
        try:
            fd = fs.open_regular(self.path)
        except OSError:
            return
        try:
            found = os.fstat(fd)
            identity = (found.st_dev, found.st_ino)
            if self._identity is not None and (identity != self._identity or found.st_size < self._offset):
                self._forget()
                self.restarted = True
            self._identity = identity
            # Not beyond the size of this moment: a fast writer cannot hold the reader here.
            while self._offset < found.st_size and not self._overlong:
                block = os.pread(fd, min(_BLOCK, found.st_size - self._offset), self._offset)
                if not block:
                    break
                self._offset += len(block)
                yield self._take(block)
        except OSError:
            # A network disk that hiccups: the next call goes on from here.
            pass
        finally:
            os.close(fd)

    def _take(self, block: bytes) -> list[dict[str, Any]]:
        records = []
        for line in self._lines(block):
            record = decode(line)
            if record is None:
                self.bad_lines += 1
                self.bad_tail += 1
                continue
            self.bad_tail = 0
            place = (record["attempt"], record["seq"])
            if place[0] == self._seen[0] and place[1] <= self._seen[1]:
                continue
            self._seen = place
            records.append(record)
        return records

    def _lines(self, block: bytes) -> list[bytes]:
        """The lines that end in this block; the rest is kept in pieces until the line is complete, and joined once."""
        first, *others = block.split(b"\n")
        self._rest.append(first)
        if sum(map(len, self._rest)) > _MOST_LINE:
            # No worker writes such a line: what comes after it is not looked for.
            self.bad_lines += 1
            self._rest, self._overlong = [], True
            return []
        if not others:
            return []
        whole = b"".join(self._rest)
        self._rest = [others.pop()]
        return [line for line in (whole, *others) if line]
