"""What is to be seen of data before it is prepared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preview:
    """What is to be seen of data before it is prepared, as plain text and numbers: `facts` are (label, text),
    `classes` (name, samples), `columns` and `rows` a table's head and first lines, `samples` (caption, width, height,
    RGB bytes row by row in base64), `notes` what a person should know."""

    facts: tuple[tuple[str, str], ...] = ()
    classes: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    samples: tuple[tuple[str, int, int, str], ...] = ()
    notes: tuple[str, ...] = ()
