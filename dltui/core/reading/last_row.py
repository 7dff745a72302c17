"""Keeps the row of a run that is over in its directory: its worker leaves it as its last act, so that a list of
thousands of runs need not read their logs.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.reading.status import OVER
from dltui.core.reading.summary import summary_row
from dltui.core.rundir import log, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import is_starting

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

NAME = "row.json"
FORMAT = 1
SLACK_NS = 2_000_000_000
"""The files of a run are copied one after the other."""
LABELS = "labels.json"
_MOST_BYTES = 1 << 20
_TEXTS = ("status", "why", "phase", "name", "note")
_NUMBERS = ("since", "epoch", "epochs", "step", "total_steps", "seconds", "train_seconds")
_NUMBERS_OR_NONE = ("best", "best_epoch", "created")


def write(reader: RunReader) -> None:
    """Leave the row of a run that has ended. Without it a list is slower, and nothing else. A reader that has read the
    log before makes it quick.
    """
    run = reader.directory
    with contextlib.suppress(OSError, DltuiError):
        row = summary_row(reader)
        if is_last(row):
            size = run.events_path.stat().st_size
            record = {"type": "row", "seq": 0, "attempt": 0, "format": FORMAT, "log_bytes": size, "row": row}
            fs.write_atomic(run.path / NAME, log.encode(record), sync=False)


def forget(run: RunDirectory) -> None:
    """Remove the row before the run goes on."""
    with contextlib.suppress(OSError):
        if os.path.lexists(run.path / NAME):
            fs.FS.unlink(run.path / NAME)


def read(folder: str, changed: Mapping[str, int], log_bytes: int) -> dict[str, Any] | None:
    """The row that is left in a run directory; None when there is none that holds. `changed` are the times at which the
    run's other files changed, in nanoseconds.
    """
    try:
        left = os.stat(f"{folder}/{NAME}").st_ctime_ns + SLACK_NS  # noqa: PTH116
        if any(when > left for name, when in changed.items() if name != LABELS) or is_starting(folder):
            return None
        record = log.decode(fs.read_limited(Path(f"{folder}/{NAME}"), _MOST_BYTES).rstrip(b"\n"))
    except OSError:
        return None
    if record is None or record.get("format") != FORMAT or record.get("log_bytes") != log_bytes:
        return None
    row = record.get("row")
    if not isinstance(row, dict) or not _is_sound(row):
        return None
    row |= {"id": os.path.basename(folder), "path": folder}  # noqa: PTH119
    # A person may change them at any moment, also while the row was made.
    if not 0 < changed[LABELS] <= left - 2 * SLACK_NS:
        row |= RunDirectory(folder).labels()
    if row.get("group_seeds"):
        # The others of its series may have been made since.
        row["group_seeds"] = notes.series_seeds(Path(folder)) or None
    return row


def is_last(row: Mapping[str, Any]) -> bool:
    """True if nothing but a change of its files can change the row."""
    return row["status"] in OVER and row["status"] != "interrupted" and row.get("phase") == "ended"


def _is_sound(row: Mapping[str, Any]) -> bool:
    """True if the row has what every list expects: it may come from another hand."""
    test = row.get("test")
    results = test.values() if isinstance(test, dict) else ()
    return (
        isinstance(test, (dict, type(None)))
        and all(isinstance(row.get(name), str) for name in _TEXTS)
        and all(_is_number(row.get(name)) for name in _NUMBERS)
        and all(value is None or _is_number(value) for value in [*map(row.get, _NUMBERS_OR_NONE), *results])
        and isinstance(row.get("metric"), (str, type(None)))
        and row.get("mode") in ("min", "max", None)
        and isinstance(row.get("seed"), (int, type(None)))
        and all(isinstance(tag, str) for tag in _listed(row.get("tags")))
        and all(isinstance(seed, int) for seed in _listed(row.get("group_seeds") or []))
        and is_last(row)
    )


def _listed(value: object) -> Sequence[object]:
    """The elements of a list; None alone for anything else, which is no element of any list here."""
    return value if isinstance(value, list) else (None,)


def _is_number(value: object) -> bool:
    """True for a number with which a list can compute: JSON may hold 1e999, or thousands of digits."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
