"""The confusion matrix as a heat map with the worst pairs beside it, and the classes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.ink import Row, beside, cells, cut, ends, fit, left, right

if TYPE_CHECKING:
    from dltui.tui.look_inside import Matrix

PAIRS = 26
MOST_PAIRS = 12
LARGEST_NAME = 12
CELLS = (7, 6, 5, 4, 3, 2)
"""Widths that a cell may have, the best first; below 3 it shows its colour only."""


def confusion(matrix: Matrix | None, width: int, height: int, first: int, note: str) -> list[Row]:
    """Title, header and as many classes from `first` on as fit; true classes are rows."""
    if matrix is None:
        return [[], [(f"  {note}", "dim")]]
    count = len(matrix.classes)
    name = min(LARGEST_NAME, max(len(text) for text in matrix.classes))
    room = width - PAIRS - name - 2
    size = next((size for size in CELLS if size * count <= room), CELLS[-1])
    largest = max(max(row) for row in matrix.counts)
    unit = "" if len(str(largest)) < size else "%" if size >= 3 else "colour"
    columns = min(count, max(1, room // size))
    shown = max(1, min(count, height - 2))
    start = min(first, count - shown)
    block = [_header(matrix, name, size, columns)]
    block += [_line(matrix, row, name, size, columns, unit) for row in range(start, start + shown)]
    rest = width - (name + 2 + columns * size) - 1
    return [
        _title(matrix, unit, width),
        *beside([(block, width - rest), (worst(matrix, rest, height - 1), rest)], height - 1),
    ]


def _title(matrix: Matrix, unit: str, width: int) -> Row:
    what = {"": "images", "%": "% of each true class", "colour": "colour: share of each true class"}[unit]
    row: Row = [(" confusion ", "heading"), (f" {_where(matrix)}", "")]
    end: Row = [(f"{matrix.right:,} of {matrix.total:,} right ", "dim")]
    key: Row = [(f"   rows true, columns said; {what}", "dim")]
    return ends(row + key if cells(row + key + end) <= width else row, end, width)


def _where(matrix: Matrix) -> str:
    """Which data this is: nobody should have to guess."""
    return f"{matrix.split}, epoch {matrix.epoch}"


def _header(matrix: Matrix, name: int, size: int, columns: int) -> Row:
    if size < 4:
        return []
    # As many letters as a column has: an ellipsis would take one of the few.
    return [
        (" " * (name + 2), ""),
        *((right(text[: size - 1], size - 1) + " ", "dim") for text in matrix.classes[:columns]),
    ]


def _line(matrix: Matrix, number: int, name: int, size: int, columns: int, unit: str) -> Row:
    counts = matrix.counts[number]
    total = sum(counts) or 1
    row: Row = [(" " + right(matrix.classes[number], name) + " ", "")]
    for said, count in enumerate(counts[:columns]):
        share = count / total
        text = "" if unit == "colour" else "·" if not count else f"{100 * share:.0f}" if unit else str(count)
        # A tenth of a class taken for another is much; the diagonal is near one.
        heat = share if said == number else min(1.0, share * 3)
        row.append((right(text, size - 1) + " ", f"{'heat' if said == number else 'miss'}:{heat:.2f}"))
    return row


def worst(matrix: Matrix, width: int, most: int) -> list[Row]:
    """The pairs that are confused most."""
    rows: list[Row] = [[(" most confused", "dim")]]
    room = width - 5
    for count, true, said in matrix.worst(min(most - 1, MOST_PAIRS)):
        names = [matrix.classes[true], matrix.classes[said]]
        if len(names[0]) + len(names[1]) + 3 > room:
            names = [
                cut(name, max((room - 3) // 2, room - 3 - len(other)))
                for name, other in zip(names, names[::-1], strict=True)
            ]
        rows.append(
            [(right(f"{count:,}", 4), "validation bold"), (f" {names[0]}", ""), (" › ", "faint"), (names[1], "")]
        )
    return rows


def classes(matrix: Matrix | None, width: int, height: int, first: int, note: str) -> list[Row]:
    """Each class with precision and recall, the worst recall first."""
    if matrix is None:
        return [[], [(f"  {note}", "dim")]]
    rows: list[Row] = [
        [(" classes ", "heading"), (f" {_where(matrix)}, the hardest first", "")],
        [(f"   {left('CLASS', 20)}{right('images', 9)}{right('precision', 11)}{right('recall', 11)}", "dim")],
    ]
    scores = sorted(matrix.scores(), key=lambda row: (row[3] is None, row[3] or 0.0))
    room = max(min(width - 60, 60), 8)
    for name, images, precision, recall in scores[first : first + height - 2]:
        bar = round((recall or 0.0) * room)
        rows.append(
            [
                (f"   {left(name, 20)}", ""),
                (right(f"{images:,}", 9), "dim"),
                (right(_percent(precision), 11), ""),
                (right(_percent(recall), 11), "bold"),
                ("  ", ""),
                ("━" * bar, "train"),
                ("─" * (room - bar), "empty"),
            ]
        )
    return [fit(row, width) for row in rows]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
