"""Lets all cores read images: by threads, or by processes where many cores would wait for Python's lock."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict

from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.decoding.rows import Answer, Batch, write

THREADS = 2
"""So many cores are kept busy by threads: opening a file and the like, a few percent of the work on a photo and half of
that on a thumbnail, is done by one thread at a time."""
MANY = 500
"""Starting processes takes longer than the work on fewer images."""
AHEAD = 2
"""Batches that wait for each worker."""


def read(batches: Iterable[Batch], images: int) -> Generator[tuple[Batch, Answer]]:
    """The answer to each batch, in their order. Raises OSError for a file that cannot be written to, and RunError for
    an image that cannot be read at this moment, or at which a process dies.
    """
    workers = cpu_count()
    children = _Children() if workers > THREADS and images >= MANY else None
    # What Pillow remarks on odd files is no concern of whoever trains on them.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[Batch, Future[Answer]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(write if children is None else children.write, batch)))
                if len(waiting) > workers * AHEAD:
                    first, answer = waiting.popleft()
                    yield first, answer.result()
            while waiting:
                first, answer = waiting.popleft()
                yield first, answer.result()
        finally:
            for _, future in waiting:
                future.cancel()
            if children is not None:
                children.end()


class _Children:
    """A process for each thread that asks."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[subprocess.Popen[str]] = []

    def write(self, batch: Batch) -> Answer:
        """As `rows.write`, done by the process of this thread."""
        child: subprocess.Popen[str] | None = getattr(self._own, "child", None)
        if child is None:
            child = self._own.child = _start()
            self._all.append(child)
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(asdict(batch)) + "\n")
            child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            first, last = (clean_line(items.name(source)) for source in (batch.sources[0], batch.sources[-1]))
            some = f"one of the images from {first} to {last}" if first != last else first
            raise RunError(f"a process that reads images ended with code {child.wait()} at {some}; find and remove it")
        answer = json.loads(line)
        if "error" in answer:
            raise RunError(answer["error"])
        if "errno" in answer:
            raise OSError(answer["errno"], answer["strerror"], answer["filename"])
        return Answer(**answer)

    def end(self) -> None:
        """End all; each finishes the batch that it is at."""
        for child in self._all:
            child.terminate()
        for child in self._all:
            child.wait()


def _start() -> subprocess.Popen[str]:
    command: Sequence[str] = (sys.executable, "-P", "-m", "dltui.plugins.datasets.images.decoding.decode_process")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
