"""The event log: one JSON object per line with a checksum, only ever appended to."""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs

if TYPE_CHECKING:
    from dltui.core.events import Event

SEAL = ',"crc":"'
SEAL_BYTES = SEAL.encode()
TAIL_BYTES = 1 << 16


def encode(record: dict[str, Any]) -> bytes:
    """A record as one line. NaN and infinities become null: JSON has no word for them."""
    try:
        text = json.dumps(record, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    except ValueError:
        text = json.dumps(_finite(record), separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    body = text[:-1].encode("ascii")
    return b'%s%s%08x"}\n' % (body, SEAL_BYTES, zlib.crc32(body))


def decode(line: bytes) -> dict[str, Any] | None:
    """The record of a line without its newline, or None when the line is not as it was written."""
    body, seal, end = line.rpartition(SEAL_BYTES)
    if not seal or len(end) != 10 or end[8:] != b'"}':
        return None
    try:
        if int(end[:8], 16) != zlib.crc32(body):
            return None
        record = json.loads(body + b"}")
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class EventLog:
    """The one writer of a log. A record's envelope: seq, time (unix seconds), elapsed (seconds of this attempt by the
    monotonic clock), attempt."""

    def __init__(
        self,
        path: Path,
        attempt: int,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.attempt = attempt
        self._now = now
        self._monotonic = monotonic
        self._began = monotonic()
        self._fd = fs.system().open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        tail = _tail(self._fd)
        self._seq = _last_seq(tail) + 1
        self._broken = bool(tail) and not tail.endswith(b"\n")
        if not tail:
            fs.sync_dir(path.parent)

    def append(self, event: Event, sync: bool = False) -> dict[str, Any]:
        """Write one event. After an OSError the log is good: what was cut is dropped by readers, and the next event
        starts on a line of its own."""
        record = {
            "seq": self._seq,
            "time": round(self._now(), 3),
            "elapsed": round(self._monotonic() - self._began, 3),
            "attempt": self.attempt,
            **event.to_json(),
        }
        line = encode(record)
        try:
            fs.append_all(self._fd, b"\n" + line if self._broken else line)
        except BaseException:
            self._broken = True
            raise
        self._broken = False
        self._seq += 1
        if sync:
            self.sync()
        return record

    def sync(self) -> None:
        """On the disk when this returns."""
        fs.system().fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def _tail(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, TAIL_BYTES, max(0, size - TAIL_BYTES))


def _last_seq(tail: bytes) -> int:
    for line in reversed(tail.split(b"\n")):
        record = decode(line)
        if record is not None and isinstance(record.get("seq"), int):
            return int(record["seq"])
    return -1


class LogTail:
    """A reader that follows a log: each `read` gives the good records since the last one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0
        self.restarted = False
        self._offset = 0
        self._inode = 0
        self._rest = b""

    def read(self) -> list[dict[str, Any]]:
        """Complete lines only. `restarted` is true when the file is another one than before: fold from the start."""
        self.restarted = False
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._offset:
                    self.restarted = self._inode != 0
                    self._inode, self._offset, self._rest, self.bad_lines = found.st_ino, 0, b"", 0
                if found.st_size == self._offset:
                    return []
                file.seek(self._offset)
                fresh = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(fresh)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        return self._decode(lines)

    def _decode(self, lines: list[bytes]) -> list[dict[str, Any]]:
        records = []
        for line in lines:
            record = decode(line)
            if record is not None:
                records.append(record)
            elif line:
                self.bad_lines += 1
        return records
