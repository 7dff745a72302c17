"""Answers the questions of another host's screen over standard input and output."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from dltui.core.errors import DltuiError
from dltui.core.hosts import wire
from dltui.core.machine import process
from dltui.core.rundir.directory import FORMAT
from dltui.core.text import clean_line
from dltui.core.version import __version__

Operation = Callable[[Mapping[str, Any]], Any]
"""An answer to a question: from its arguments to a result that JSON can hold. Raises DltuiError."""

IDLE_SECONDS = 180.0
"""A server that is asked nothing for so long has lost its screen, although nothing has told it so."""
MOST_AT_ONCE = 32
"""The most slow answers that are worked on at one time."""


def hello(read_only: bool) -> dict[str, Any]:
    """The first line of a server."""
    return {
        "dltui": "serve-stdio",
        "protocol": wire.PROTOCOL,
        "version": __version__,
        "format": FORMAT,
        "host": process.this_host(),
        "user": process.user(),
        "read_only": read_only,
        "time": time.time(),
    }


class Server:
    """Answers questions from one descriptor on another. Those in `slow` are answered in threads, the others in
    order.
    """

    def __init__(self, operations: Mapping[str, Operation], slow: Collection[str], read_only: bool = False) -> None:
        self._operations, self._slow, self._read_only = operations, frozenset(slow), read_only
        self._packer = wire.Packer()
        self._writing = threading.Lock()
        self._room = threading.Semaphore(MOST_AT_ONCE)

    def serve(self, read: int, write: int) -> None:
        """Answer until the other side has gone."""
        lines = wire.Lines(read, wire.MOST_QUESTION)
        with contextlib.suppress(OSError, wire.WireError):
            self._send(write, wire.encode(hello(self._read_only)))
            heard = time.monotonic()
            while True:
                ready, _, _ = select.select([read], [], [], 10.0)
                if ready:
                    heard, found = time.monotonic(), lines.read()
                    if found is None:
                        return
                    for line in found:
                        self._take(wire.decode(line), write)
                elif time.monotonic() - heard > IDLE_SECONDS:
                    return

    def _take(self, question: Mapping[str, Any], write: int) -> None:
        name = question.get("do")
        if not isinstance(name, str) or name not in self._slow:
            self._answer(question, write)
            return
        self._room.acquire()

        def work() -> None:
            try:
                # The screen may have gone while this was worked on.
                with contextlib.suppress(OSError):
                    self._answer(question, write)
            finally:
                self._room.release()

        threading.Thread(target=work, name="dltui-answer", daemon=True).start()

    def _answer(self, question: Mapping[str, Any], write: int) -> None:
        number, name = question.get("id"), question.get("do")
        number = number if type(number) is int else 0
        try:
            operation = self._operations.get(name) if isinstance(name, str) else None
            if operation is None:
                raise DltuiError(f"this dltui ({__version__}) does not know {clean_line(name, 40)!r}; upgrade it")
            result = wire.plain(operation(question))
        except Exception as error:
            known = isinstance(error, DltuiError)
            text = clean_line(error if known else f"{type(error).__name__}: {error}", 1_000)
            self._send(write, wire.encode({"id": number, "error": text, "code": getattr(error, "exit_code", 1)}))
            return
        with self._writing:
            # Packed under the same lock as sent: the stream is unpacked in the order of the lines.
            _write(write, wire.encode({"id": number, "z": self._packer.pack(result)}))

    def _send(self, write: int, line: bytes) -> None:
        with self._writing:
            _write(write, line)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
