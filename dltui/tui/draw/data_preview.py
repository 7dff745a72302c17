"""A preview of the user's own data as rows: facts, the balance of the classes, sample images, first rows."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, beside, cut, fit, left, right, width

if TYPE_CHECKING:
    from dltui.core.contract import Preview
    from dltui.tui.draw.styled_text import Look

SAMPLE_COLUMNS, SAMPLE_ROWS = 16, 8
MOST_CLASSES = 20
LONGEST_NAME = 28
LONGEST_CELL = 18


def preview(found: Preview, columns: int, look: Look) -> list[Row]:
    """The complete preview, in blocks separated by an empty row."""
    blocks = [facts(found, columns), table(found, columns), classes(found, columns), samples(found, columns, look)]
    blocks.insert(1, [[(" " + safe(note), "warn")] for note in found.notes])
    rows: list[Row] = []
    for block in filter(None, blocks):
        rows += ([[]] if rows else []) + block
    return rows


def pane(found: Preview, columns: int, height: int, look: Look) -> list[Row]:
    """The part of the preview that fits: facts, notes, and if there is room classes beside samples, or the table."""
    notes: list[Row] = [[(cut(" " + safe(note), columns), "warn")] for note in found.notes]
    rows = [*facts(found, columns), *notes[: max(1, height - 14)]]
    room = height - len(rows) - 1
    if room < SAMPLE_ROWS + 1:
        # The balance of the classes in a few words, where there is no room for bars.
        if room >= 0 and found.classes and len(rows) < height:
            counts = ", ".join(f"{safe(name)} {count:,}" for name, count in found.classes)
            rows.append([(cut(f" {counts}", columns), "dim")])
        return rows[:height]
    half = columns // 2
    below = beside([(classes(found, half - 1), half), (samples(found, columns - half, look), columns - half)], room)
    return [*rows, [], *(below if found.samples else [*table(found, columns), [], *classes(found, columns)])][:height]


def facts(found: Preview, columns: int) -> list[Row]:
    size = min(max((width(safe(label)) for label, _ in found.facts), default=0), LONGEST_NAME)
    return [
        [(f" {left(safe(label), size)}  ", "dim"), (cut(safe(text), columns - size - 3), "")]
        for label, text in found.facts
    ]


def classes(found: Preview, columns: int) -> list[Row]:
    """The number of samples in each class, with bars that show the balance."""
    most = max((count for _, count in found.classes), default=0)
    size = min(max((width(safe(name)) for name, _ in found.classes), default=0), LONGEST_NAME)
    room = min(max(columns - size - 14, 1), 40)
    rows: list[Row] = []
    for name, count in found.classes[:MOST_CLASSES]:
        bar = "━" * max(1, round(room * count / most)) if count and most else ""
        rows.append([(f" {left(safe(name), size)} ", ""), (right(f"{count:,}", 9), ""), (f"  {bar}", "train")])
    more = len(found.classes) - len(rows)
    return [*rows, *([[(f" and {plural(more, 'more class', 'more classes')}", "dim")]] if more else [])]


def table(found: Preview, columns: int) -> list[Row]:
    """The first rows of a table, as many columns as fit."""
    sizes = [
        min(max(width(safe(cell)) for cell in (name, *(row[place] for row in found.rows))), LONGEST_CELL)
        for place, name in enumerate(found.columns)
    ]
    lines = [(found.columns, "dim"), *((row, "") for row in found.rows)]
    return [
        fit([(" " + "  ".join(left(safe(c), size) for c, size in zip(cells, sizes, strict=True)), style)], columns)
        for cells, style in (lines if found.columns else [])
    ]


def samples(found: Preview, columns: int, look: Look) -> list[Row]:
    """Images in a line, as many as fit, their class above each."""
    from dltui.tui.draw.picture import picture

    shown = found.samples[: max(1, columns // (SAMPLE_COLUMNS + 2))]
    parts: list[tuple[list[Row], int]] = []
    for caption, wide, high, pixels in shown:
        image = _image(pixels, wide, high)
        if image is not None:
            drawn = [[(" ", ""), *row] for row in picture(image, SAMPLE_COLUMNS, SAMPLE_ROWS, look)]
            caption = cut(safe(caption), SAMPLE_COLUMNS)
            parts.append(([[(f" {caption}", "dim")], *drawn], SAMPLE_COLUMNS + 2))
    return beside(parts, max((len(block) for block, _ in parts), default=0))


def _image(text: str, wide: int, high: int) -> Any:
    """The pixels uint8 (h, w, 3); None where the bytes are not such an image."""
    import numpy as np

    try:
        pixels = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
        return pixels.reshape(high, wide, 3) if wide > 0 and high > 0 else None
    except (ValueError, binascii.Error):
        return None
