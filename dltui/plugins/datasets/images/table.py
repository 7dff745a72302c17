"""The user's own images, named in a table: a column of paths and a column of classes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, Labeled, listing_of
from dltui.plugins.datasets.images.options import TableOptions
from dltui.plugins.datasets.images.walk import ENDINGS

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.listing import Listing
    from dltui.plugins.datasets.tables.table import Table

TARGETS = ("target", "label", "class", "y")


class _Columns(NamedTuple):
    """The places of the columns; that of the split is None where all rows are divided."""

    image: int
    target: int
    split: int | None


def list_rows(options: TableOptions) -> Listing:
    """The images that a table names. Raises RunError naming the line that is wrong."""
    from dltui.plugins.datasets.tables.files import CsvFile
    from dltui.plugins.datasets.tables.table import look_through

    if not options.path:
        raise RunError("which table? choose it as images:FILE.csv")
    table = look_through(options.path, "auto")
    if isinstance(table.file, CsvFile) and any(column.name.lower().endswith(ENDINGS) for column in table.columns):
        # The first line is an image like the others.
        table = look_through(options.path, "no")
    columns = _columns(table, options)
    rows = list(_rows(table, columns, options))
    there: list[Labeled] = []
    gone: list[Labeled] = []
    for row in rows:
        # Unlike Path.is_file, it is False for a name that is too long and below a folder that cannot be entered.
        (there if os.path.isfile(str(row.source)) else gone).append(row)  # noqa: PTH113
    if gone and (options.missing == "refuse" or not there):
        more = f" ({plural(len(gone), 'image')} of {len(rows):,} are missing)" if len(gone) > 1 else ""
        remedy = "" if not there else ", or leave such rows out: --data missing=drop"
        first = clean_line(items.name(gone[0].source))
        raise RunError(
            f"{gone[0].place}: there is no image {first}{more}; correct the path or --data root=FOLDER{remedy}"
        )
    names = [table.columns[place].name for place in columns if place is not None]
    notes = [f"columns of the table: {', '.join(map(clean_line, names))}", *table.notes]
    if gone:
        count = f"{len(gone):,} of {plural(len(rows), 'row')}"
        notes.append(f"left out: {count} whose image is not there, the first in {gone[0].place}")
    return listing_of(there, clean_line(options.path), notes)


def _rows(table: Table, columns: _Columns, options: TableOptions) -> Iterator[Labeled]:
    root = _root(options)
    for line, cells in table.cells():
        place = f"{clean_line(options.path)} line {line}"
        path, target = (cells[column].strip() for column in columns[:2])
        if not path or not target:
            raise RunError(f"{place} has no {'class' if path else 'path of an image'}; fill it in or remove the row")
        split = "train" if columns.split is None else _split(cells[columns.split], place)
        # As paths makes them absolute: without following links.
        yield Labeled(os.path.join(root, os.path.expanduser(path)), target, split, place)  # noqa: PTH111, PTH118


def _root(options: TableOptions) -> str:
    """The folder below which the paths are: the table's, or one as seen from there, wherever this runs."""
    folder = os.path.dirname(os.path.abspath(options.path))  # noqa: PTH100, PTH120
    return os.path.join(folder, os.path.expanduser(options.root)) if options.root else folder  # noqa: PTH111, PTH118


def _split(cell: str, place: str) -> str:
    word = cell.strip().lower()
    found = next((split for split, words in SPLIT_NAMES.items() if word in words), None)
    if found is None:
        known = ", ".join(SPLIT_NAMES)
        raise RunError(f"{place}: the part {clean_line(repr(cell), 40)} is none of {known}")
    return found


def _columns(table: Table, options: TableOptions) -> _Columns:
    names = [column.name.strip().lower() for column in table.columns]
    image = table.column(options.image) if options.image else _of_images(table)
    split = table.column(options.split) if options.split else None
    if split is None and "split" in names:
        split = names.index("split")
    others = [place for place in range(len(names)) if place not in (image, split) and not table.is_index(place)]
    if options.target:
        return _Columns(image, table.column(options.target), split)
    if not others:
        raise RunError(f"{clean_line(options.path)} has no column of classes; name one by --data target=COLUMN")
    return _Columns(image, next((place for place in others if names[place] in TARGETS), others[-1]), split)


def _of_images(table: Table) -> int:
    for place in range(len(table.columns)):
        if all(cells[place].strip().lower().endswith(ENDINGS) for cells in table.first):
            return place
    raise RunError(f"{clean_line(table.path)} has no column of image files; name one by --data image=COLUMN")


def prepare(options: TableOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.images.prepare import arrays

    return arrays(list_rows(options), options, context, _root(options))


def sources(options: TableOptions, folders: Sequence[Path]) -> list[Path]:
    return [Path(options.path), *items.files(_sources(list_rows(options)))] if options.path else []


def _sources(listing: Listing) -> Iterable[items.Source]:
    return (source for source, _ in listing.samples)


def preview(options: TableOptions) -> Preview:
    from dltui.plugins.datasets.images.preview import preview_of

    return preview_of(list_rows(options), options)


DATASET = Dataset(
    name="images",
    task="classification",
    summary="your own images, named in a table: images:FILE.csv, a column of paths and one of classes",
    options=TableOptions,
    prepare=prepare,
    sources=sources,
    takes="file",
    preview=preview,
)
