"""Runs a logger of an attempt in a separate process: `python -P -m dltui.core.worker.logger_process RUN_DIR`.

It follows the run's log. The question comes as JSON on stdin: {"name", "option", "source", "attempt", "worker"}, the
last of which is a process id. The process ends with the attempt, also when the worker dies without reporting its end,
or sends SIGTERM because the run gives its device back: it is paused then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.catalog import plugin_loader
from dltui.core.errors import RunError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.log import LogTail
from dltui.core.text import clean_line
from dltui.core.worker.loggers import REFUSED

if TYPE_CHECKING:
    from dltui.core.contract import Observer

POLL_SECONDS = 0.5


def follow(
    reader: RunReader, observer: Observer, attempt: int, alone: Callable[[], bool], told: Sequence[str] = ()
) -> None:
    """Feed the events of an attempt until it has ended, or until the worker is gone (`alone`); `told` may hold the
    status that the run then has.
    """
    tail = LogTail(reader.directory.events_path)
    while True:
        # Asked first: what a worker wrote before it died is read after.
        last = alone()
        for record in tail.read():
            if record.get("attempt") == attempt:
                observer.event(record)
                last = last or record.get("type") == "run_ended"
        if last:
            break
        time.sleep(POLL_SECONDS)
    reader.refresh()
    ended = reader.history.ended
    observer.close(ended.status if ended is not None else told[0] if told else reader.status().name)


def main(told: Sequence[str] = ()) -> int:
    asked: Mapping[str, Any] = json.load(sys.stdin)
    try:
        reader = RunReader(Path(sys.argv[1]))
        logger = plugin_loader.load_logger(asked["source"], asked["name"])
        try:
            observer = logger.open(reader, asked["option"], asked["attempt"])
        except RunError as refusal:
            return _say(refusal, REFUSED)
        follow(reader, observer, asked["attempt"], lambda: bool(told) or os.getppid() != asked["worker"], told)
    except Exception as error:
        return _say(error, 1)
    return 0


def _say(error: Exception, code: int) -> int:
    sys.stderr.write(clean_line(plugin_loader.explain("", error).reason, 300) + "\n")
    return code


if __name__ == "__main__":
    words: list[str] = []
    signal.signal(signal.SIGTERM, lambda number, frame: words.append("paused"))
    sys.exit(main(words))
