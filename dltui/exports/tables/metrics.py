"""Table: every metric of every epoch as CSV."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.text import cell

if TYPE_CHECKING:
    from dltui.core.reading.history import EpochRecord
    from dltui.core.reading.reader import RunReader


PARTS = {"train": "train", "validation": "validation", "more": "validation"}
"""The metrics of an epoch, and of which split they are."""


def table(records: list[EpochRecord]) -> str:
    """A header and a line per epoch; values in full precision, "" where a value is not known."""
    names = {part: list(dict.fromkeys(name for record in records for name in getattr(record, part))) for part in PARTS}
    columns = [f"{PARTS[part]}_{name}" for part, found in names.items() for name in found]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "step", "lr", *map(cell, columns), "seconds", "samples_per_second"])
    for record in records:
        values = [getattr(record, part).get(name, math.nan) for part, found in names.items() for name in found]
        row = [record.lr, *values, record.seconds, record.samples_per_second]
        writer.writerow([record.epoch, record.step, *("" if math.isnan(value) else repr(value) for value in row)])
    return text.getvalue()


def export(reader: RunReader, target: Path) -> None:
    """Write the table; nothing before the first epoch."""
    epochs = reader.history.epochs
    if epochs:
        fs.write_atomic(target, table([epochs[number] for number in sorted(epochs)]).encode())
