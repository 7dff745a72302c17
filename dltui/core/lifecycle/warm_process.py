"""The process behind lifecycle/warm.py: `python -P -m dltui.core.lifecycle.warm_process BACKEND SECONDS`.

It has a backend import its framework, waits for a line on its standard input and becomes the worker that the line
asks for; without one it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time

from dltui.core.catalog import plugin_loader
from dltui.core.worker import ending, worker_process


def main(began: float) -> int:
    asked, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
    # What cannot be imported is told by the worker, where it is read.
    with contextlib.suppress(Exception):
        backend = plugin_loader.load_backend(asked["source"], asked["framework"])
        # A backend need not have it.
        getattr(backend, "warm_up", lambda: None)()
    ready, _, _ = select.select([0], [], [], max(0.0, began + seconds - time.monotonic()))
    line = os.read(0, 1 << 20) if ready else b""
    if not line.endswith(b"\n"):
        return 0
    order = json.loads(line)
    _redirect(order["log"])
    return worker_process.main(order["arguments"])


def _redirect(log: str) -> None:
    """Set up the descriptors of a worker."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(log, os.O_WRONLY | os.O_APPEND)
    for wanted, descriptor in ((0, nothing), (1, printed), (2, printed)):
        os.dup2(descriptor, wanted)
    os.close(nothing)
    os.close(printed)


if __name__ == "__main__":
    ending.leave(main(time.monotonic()))
