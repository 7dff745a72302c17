"""Reads and writes `review.csv`: a person's judgement of samples, such as misclassified or doubled ones, a row each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from dltui.core import fs
from dltui.core.errors import UsageError
from dltui.core.text import cell, clean_line, from_cell

NAME = "review.csv"
MARKS = ("keep", "wrong label", "ambiguous")
"""keep: the label is right, the model is wrong; wrong label: the model is right; ambiguous: neither is
clearly right."""
DUPLICATE, BROKEN, SUSPECT = "duplicate", "broken", "suspect"
LEFT_OUT = ("wrong label", "ambiguous", DUPLICATE, BROKEN)
"""The marks of samples that `--data drop=review.csv` leaves out. A suspect is a proposal that no person has judged."""
KNOWN = (*MARKS, DUPLICATE, BROKEN, SUSPECT)

Key = tuple[str, int]
"""Split and sample id: ids are unique within a split only."""


@dataclass(frozen=True)
class Opinion:
    """A row of the review: the sample, its true and predicted class, the prediction's probability, and the mark. Of a
    duplicate they are the class of the other sample, and how alike the two are.
    """

    split: str
    id: int
    true: str
    said: str
    probability: float
    mark: str
    name: str = ""
    """The dataset's name for the sample, such as its file; "" without a name."""
    of: str = ""
    """The sample that it is a duplicate of: "test 17"."""

    @property
    def key(self) -> Key:
        return self.split, self.id


COLUMNS = tuple(item.name for item in fields(Opinion))
NEEDED = COLUMNS[:6]
"""Columns that every review has; the others came later."""


def after(mark: str) -> str:
    """The next mark in the cycle of marks; "" is no mark."""
    turns = ("", *MARKS)
    return turns[(turns.index(mark) + 1) % len(turns)] if mark in turns else ""


def read_review(folder: Path) -> dict[Key, Opinion]:
    """The opinions in an export folder; invalid rows are skipped, and without a file there are none. Raises
    UsageError.
    """
    return read_file(folder / NAME)


def read_file(path: Path) -> dict[Key, Opinion]:
    """The opinions in a file, likewise."""
    text = _text_of(path)
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"cannot read {clean_line(path)}: {error}") from error


def _text_of(path: Path) -> str:
    """The text of a file, "" without one. Raises UsageError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {clean_line(path)}: {clean_line(error, 200)}") from error


def parse(text: str) -> dict[Key, Opinion]:
    """The opinions in the text of a file; spreadsheets may begin it with a byte order mark."""
    return _read(text)[0]


def parse_counted(text: str) -> tuple[dict[Key, Opinion], int]:
    """The opinions, and the number of rows that have a mark and are none: the mark is not known, or there is no id.
    Raises UsageError.
    """
    found, others, header = _read(text)
    marks = (dict(zip(header, row, strict=False)).get("mark") for row in others)
    return found, sum(bool(mark and mark.strip()) for mark in marks)


def _read(text: str) -> tuple[dict[Key, Opinion], list[list[str]], list[str]]:
    """The opinions, the rows that are none, such as those with a mark of a person's own, and the header. Raises
    UsageError for a file that is no review.
    """
    header, rows = _table(text)
    found, others = {}, []
    for row in rows:
        opinion = _opinion(dict(zip(header, row, strict=False)))
        if opinion is None:
            others.append(row)
        else:
            found[opinion.key] = opinion
    return found, others, header


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a review. Raises UsageError for another file."""
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) if row] or [list(COLUMNS)]
    except csv.Error as error:
        raise UsageError(f"it is no table: {clean_line(error, 100)}") from error
    if not set(NEEDED) <= set(header):
        raise UsageError(f"it is no review: its first line has no {', '.join(NEEDED)}")
    return header, rows


def _opinion(row: Mapping[str, str]) -> Opinion | None:
    """The opinion in a row, which people write and spreadsheets change: with spaces, in capitals, without a
    probability. None where there is none.
    """
    try:
        opinion = Opinion(
            row["split"].strip().lower(),
            int(row["id"]),
            from_cell(row["true"]),
            from_cell(row["said"]),
            float(row["probability"].strip() or 0),
            row["mark"].strip().lower(),
            from_cell(row.get("name") or ""),
            from_cell(row.get("of") or ""),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return opinion if opinion.mark in KNOWN else None


def save_opinion(folder: Path, opinion: Opinion) -> dict[Key, Opinion]:
    """Put an opinion into the file, or remove it when its mark is ""; concurrent changes by others stay.

    The file is there whole or as before. Returns what it holds then. Raises UsageError.
    """
    return save_opinions(folder / NAME, [opinion])


def save_opinions(path: Path, changed: Iterable[Opinion]) -> dict[Key, Opinion]:
    """Put opinions into a file, likewise; rows that are no opinions stay. A file that is no review is not written
    over.
    """
    try:
        opinions, others, _ = _read(_text_of(path))
    except UsageError as error:
        raise UsageError(f"{clean_line(path)} is not written over: {error}; choose another file") from error
    for opinion in changed:
        if opinion.mark:
            opinions[opinion.key] = opinion
        else:
            opinions.pop(opinion.key, None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fs.write_atomic(path, _text(opinions, others).encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot write {clean_line(path)}: {clean_line(reason, 200)}") from error
    return opinions


def _text(opinions: Mapping[Key, Opinion], others: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for _, opinion in sorted(opinions.items()):
        writer.writerow([cell(value) if isinstance(value, str) else value for value in astuple(opinion)])
    writer.writerows(others)
    return stream.getvalue()
