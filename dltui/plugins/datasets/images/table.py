"""The user's own images, named in a table: a column of paths and a column of classes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dltui.core.contract import Arrays, Dataset, PreparationContext, Preview
from dltui.core.errors import RunError
from dltui.core.inputs.numerals import as_number, is_missing
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items, several
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, Labeled, Listing, listing_of
from dltui.plugins.datasets.images.options import TableOptions
from dltui.plugins.datasets.images.several import Several
from dltui.plugins.datasets.images.walk import ENDINGS
from dltui.plugins.datasets.tables.class_names import class_name

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.listing import Sample
    from dltui.plugins.datasets.tables.table import Table

TARGETS = ("target", "label", "class", "y")


class _Columns(NamedTuple):
    """The places of the columns; that of the split is None where all rows are divided."""

    image: int
    target: int
    split: int | None


def list_rows(options: TableOptions) -> Listing:
    """The images that a table names, of a class each. Raises RunError naming the line that is wrong."""
    table = _table(options)
    columns = _columns(table, options, ())
    there, notes = _present(list(_rows(table, columns, options)), table, columns, options, ())
    return listing_of(there, clean_line(options.path), notes)


def list_several(options: TableOptions) -> Several:
    """The images that a table names, with labels or numbers. Raises RunError naming the line that is wrong."""
    import numpy as np

    table = _table(options)
    chosen = several.places(table, options)
    columns = _columns(table, options, chosen)
    read, labels, numbers = several.reader(table, chosen, options)
    values: list[list[float]] = []
    rows = []
    for row, (line, cells) in zip(_rows(table, columns, options), table.cells(), strict=True):
        rows.append(row._replace(label=str(len(values))))
        values.append(read(line, cells))
    there, notes = _present(rows, table, columns, options, chosen[1:])
    splits: dict[str, list[Sample]] = {}
    for row in there:
        splits.setdefault(row.split, []).append((row.source, int(row.label)))
    if "train" not in splits:
        raise RunError(f"{clean_line(options.path)} has no images of a train part")
    listing = Listing((), splits, tuple(notes))
    return Several(listing, np.array(values, np.uint8 if labels else np.float64), labels, numbers)


def _is_several(options: TableOptions) -> bool:
    return bool(options.labels or options.targets)


def _table(options: TableOptions) -> Table:
    from dltui.plugins.datasets.tables.files import CsvFile
    from dltui.plugins.datasets.tables.table import look_through

    if not options.path:
        raise RunError("which table? choose it as images:FILE.csv")
    table = look_through(options.path, "auto")
    if isinstance(table.file, CsvFile) and any(column.heading.lower().endswith(ENDINGS) for column in table.columns):
        # The first line is an image like the others.
        table = look_through(options.path, "no")
    return table


def _present(
    rows: Sequence[Labeled], table: Table, columns: _Columns, options: TableOptions, more: Sequence[int]
) -> tuple[list[Labeled], list[str]]:
    """The rows whose image is there, and notes. Raises RunError for those that are not, unless they may be dropped."""
    there: list[Labeled] = []
    gone: list[Labeled] = []
    for row in rows:
        # Unlike Path.is_file, it is False for a name that is too long and below a folder that cannot be entered.
        (there if os.path.isfile(str(row.source)) else gone).append(row)  # noqa: PTH113
    if gone and (options.missing == "refuse" or not there):
        others = f" ({plural(len(gone), 'image')} of {len(rows):,} are missing)" if len(gone) > 1 else ""
        remedy = "" if not there else ", or leave such rows out: --data missing=drop"
        first = clean_line(items.name(gone[0].source))
        raise RunError(
            f"{gone[0].place}: there is no image {first}{others}; correct the path or --data root=FOLDER{remedy}"
        )
    names = [table.columns[place].name for place in (*columns, *more) if place is not None]
    notes = [f"columns of the table: {', '.join(map(clean_line, names))}", *table.notes]
    if gone:
        count = f"{len(gone):,} of {plural(len(rows), 'row')}"
        notes.append(f"left out: {count} whose image is not there, the first in {gone[0].place}")
    return there, notes


def _rows(table: Table, columns: _Columns, options: TableOptions) -> Iterator[Labeled]:
    root = _root(options)
    for line, cells in table.cells():
        place = f"{clean_line(options.path)} line {line}"
        path, target = (cells[column].strip() for column in columns[:2])
        if not path or is_missing(target):
            what = clean_line(table.columns[columns.target].name, 60) if _is_several(options) else "class"
            raise RunError(f"{place} has no {what if path else 'path of an image'}; fill it in or remove the row")
        split = "train" if columns.split is None else _split(cells[columns.split], place)
        # As paths makes them absolute: without following links.
        label = class_name(target, as_number(target))
        yield Labeled(os.path.join(root, os.path.expanduser(path)), label, split, place)  # noqa: PTH111, PTH118


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


def _columns(table: Table, options: TableOptions, several: Sequence[int]) -> _Columns:
    """The columns; of `several` labels or numbers the first is the target."""
    names = [column.name.strip().lower() for column in table.columns]
    image = table.column(options.image) if options.image else _of_images(table)
    split = table.column(options.split) if options.split else None
    if split is None and "split" in names:
        split = names.index("split")
    if several:
        return _Columns(image, several[0], split)
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

    if _is_several(options):
        return several.arrays(list_several(options), options, context, _root(options))
    return arrays(list_rows(options), options, context, _root(options))


def sources(options: TableOptions, folders: Sequence[Path]) -> list[Path]:
    if not options.path:
        return []
    listing = list_several(options).listing if _is_several(options) else list_rows(options)
    return [Path(options.path), *items.files(_sources(listing))]


def _sources(listing: Listing) -> Iterable[items.Source]:
    return (source for source, _ in listing.samples)


def preview(options: TableOptions) -> Preview:
    from dltui.plugins.datasets.images.preview import preview_of

    if _is_several(options):
        return several.preview(list_several(options), options)
    return preview_of(list_rows(options), options)


DATASET = Dataset(
    name="images",
    task="classification",
    summary="your own images, named in a table: images:FILE.csv, paths and classes, labels or numbers",
    options=TableOptions,
    prepare=prepare,
    sources=sources,
    takes="file",
    preview=preview,
    task_options={"labels": "multilabel", "targets": "regression"},
)
