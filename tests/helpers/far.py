"""Another host for tests: a home of its own, and a `dltui serve-stdio` that is started there without ssh."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dltui.core.hosts import wire
from dltui.core.hosts.address import Host
from dltui.core.hosts.serve import Server


def host(name: str, home: Path, *more: str) -> Host:
    """A host whose runs are below `home`, reached by starting its server as a child."""
    words = (f"DLTUI_HOME={home}", sys.executable, "-P", "-m", "dltui", "serve-stdio", *more)
    return Host(name, ("env", *words))


def wait_for(ready: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value of `ready`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class Questions:
    """Asks a server that runs in this process."""

    def __init__(self, read: int, write: int) -> None:
        self._write, self._lines = write, wire.Lines(read, wire.MOST_ANSWER)
        self._unpacker = wire.Unpacker()
        self._waiting: list[bytes] = []
        self.hello = wire.decode(self._next())

    def _next(self) -> bytes:
        while not self._waiting:
            found = self._lines.read()
            if found is None:
                raise EOFError
            self._waiting += found
        return self._waiting.pop(0)

    def ask(self, do: object, **arguments: Any) -> Any:
        """The result, or the line that says why there is none."""
        os.write(self._write, wire.encode({"id": 1, "do": do, **arguments}))
        answer = wire.decode(self._next())
        return self._unpacker.unpack(answer["z"]) if "z" in answer else answer["error"]


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Questions]:
    """A server in a thread of this process."""
    to_server, from_server = os.pipe(), os.pipe()

    def serve() -> None:
        server.serve(to_server[0], from_server[1])
        os.close(from_server[1])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Questions(from_server[0], to_server[1])
    finally:
        os.close(to_server[1])
        thread.join(10)
        for fd in (to_server[0], from_server[0]):
            os.close(fd)
