"""Table: how well each class of a segmentation is found, in pixels."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.analysis.evaluation import latest
from dltui.core.text import cell

if TYPE_CHECKING:
    from dltui.core.analysis.masks.worst import Masks
    from dltui.core.reading.reader import RunReader

HEAD = ("class", "pixels", "iou", "precision", "recall")


def table(found: Masks) -> str:
    """A header and a line per class; "" where a value is not defined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for score in found.matrix.scores():
        values = (score.iou, score.precision, score.recall)
        writer.writerow([cell(score.name), score.true, *("" if value is None else repr(value) for value in values)])
    return text.getvalue()


def export(reader: RunReader, target: Path) -> None:
    """Write the table; nothing before the first evaluation."""
    found = latest(reader)
    if found is not None and found.masks is not None:
        fs.write_atomic(target, table(found.masks).encode())
