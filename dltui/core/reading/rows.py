"""Rows of the list of runs. Those of runs that have ended are kept in the cache until a file of theirs changes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from dltui.core import paths
from dltui.core.numbers import plain_json
from dltui.core.reading import last_row, list_cache
from dltui.core.reading.list_cache import Stamp
from dltui.core.reading.reader import RunReader
from dltui.core.reading.summary import summary_row, unreadable, unreadable_reason
from dltui.core.rundir import launch

Row = dict[str, Any]

FILES = ("run.json", "labels.json", "events.jsonl", "live.json")
QUIET_NS = 2_000_000_000
"""A file that changed less than two seconds ago may change again without its time showing it."""
KIND = "rows"


def all_rows(most_kept: int = 100_000) -> list[Row]:
    """A row for each run of this user, the newest first. What cannot be read is a row with its reason."""
    kept, found = list_cache.load(KIND), []
    keep: dict[str, tuple[Stamp, Row]] = {}
    now = time.time_ns()
    for name in _names():
        folder = f"{paths.runs_dir()}/{name}"
        now_as = stamp(folder)
        if now_as is None:
            continue
        known = kept.get(name)
        row = known[1] if known is not None and known[0] == now_as else _left(folder, now_as) or _read(folder)
        if len(keep) < most_kept and ((known is not None and row is known[1]) or _rests(row, now_as, now)):
            keep[name] = (now_as, row)
        found.append((_created(row, now_as), name, row))
    if keep.keys() != kept.keys() or any(keep[name][1] is not kept[name][1] for name in keep):
        list_cache.save(KIND, keep)
    return [row for _, _, row in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def stamp(folder: str) -> Stamp | None:
    """Numbers that change with any file that a row is made of; None for a folder that is no run."""
    try:
        found = os.stat(folder)  # noqa: PTH116 - thousands of them: a Path for each would take as long again
        numbers = [found.st_ino, found.st_ctime_ns]
        for name in FILES:
            try:
                found = os.stat(f"{folder}/{name}")  # noqa: PTH116
            except FileNotFoundError:
                if name == FILES[0]:
                    return None
                numbers += (0, 0, 0)
                continue
            numbers += (found.st_ino, found.st_ctime_ns, found.st_size)
    except OSError:
        return None
    return numbers


def quiet(numbers: Stamp, now_ns: int) -> bool:
    """True if a change would show in the numbers, because no file has changed for a while."""
    return max(numbers[1], *numbers[3::3]) < now_ns - QUIET_NS


def _names() -> list[str]:
    try:
        with os.scandir(paths.runs_dir()) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def _left(folder: str, numbers: Stamp) -> Row | None:
    """The row that the worker of a run has left; None for a run whose files have to be read."""
    if launch.is_there(folder):
        # It may wait for its next attempt.
        return None
    changed, sizes = (dict(zip(FILES, numbers[first::3], strict=True)) for first in (3, 4))
    row = last_row.read(folder, changed, sizes["events.jsonl"])
    return row and {key: plain_json(value) for key, value in row.items()}


def _read(folder: str) -> Row:
    """The row of a run; one that cannot be read is shown with its reason instead of hidden."""
    reader = RunReader(Path(folder))
    try:
        return {key: plain_json(value) for key, value in summary_row(reader).items()}
    except Exception as error:
        # Whatever is in one folder, the others stay in the list.
        return unreadable(reader, unreadable_reason(error))


def _created(row: Row, numbers: Stamp) -> float:
    created = row.get("created")
    return float(created) if isinstance(created, (int, float)) else numbers[3] / 1e9


def _rests(row: Row, numbers: Stamp, now_ns: int) -> bool:
    """True if nothing but a change of its files can change the row."""
    return last_row.is_last(row) and row.get("model") is not None and quiet(numbers, now_ns)
