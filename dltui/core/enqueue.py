"""Starts a worker that waits for its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core import device_queue
from dltui.core.errors import RunError
from dltui.core.spawn import spawn_worker

if TYPE_CHECKING:
    from dltui.core.rundir import RunDirectory


def queue_worker(run: RunDirectory) -> int:
    """Like `spawn_worker`; the worker waits until every run before it in the queue of its device has ended."""
    order = device_queue.join(run)
    try:
        return spawn_worker(run, options=("--queued", str(order)))
    except RunError:
        device_queue.leave(run, order)
        raise
