"""Table: how well each label of a multi-label run is found, and the threshold with the best F1."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.analysis.evaluation import latest
from dltui.core.text import cell

if TYPE_CHECKING:
    from dltui.core.analysis.labels import Labels
    from dltui.core.reading.reader import RunReader

HEAD = ("label", "samples", "average_precision", "auroc", "precision", "recall", "f1", "threshold", "f1_at_threshold")


def table(found: Labels) -> str:
    """A header and a line per label; "" where a value is not defined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for score in found.scores:
        values = (
            score.average_precision, score.auroc, score.precision, score.recall, score.f1, score.threshold,
            score.best_f1,
        )  # fmt: skip
        writer.writerow([cell(score.name), score.samples, *("" if value is None else repr(value) for value in values)])
    return text.getvalue()


def export(reader: RunReader, target: Path) -> None:
    """Write the table; nothing before the first evaluation."""
    found = latest(reader)
    if found is not None and found.labels is not None:
        fs.write_atomic(target, table(found.labels).encode())
