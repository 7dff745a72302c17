"""Images of a table with any number of labels each, or with numbers to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays, PreparationContext, Preview, Target
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.listing import Listing
from dltui.plugins.datasets.images.prepare import MOST_NOTES, divide, require_parts, surveyed

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, SplitName
    from dltui.plugins.datasets.images.options import TableOptions
    from dltui.plugins.datasets.tables.table import Table


@dataclass(frozen=True)
class Several:
    """Listed images, whose number is that of a row of `targets`: uint8 0 or 1 for each of `labels`, or float64 numbers
    called `numbers`."""

    listing: Listing
    targets: Array
    labels: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def places(table: Table, options: TableOptions) -> tuple[int, ...]:
    """The columns of labels or numbers; () for a column of classes. Raises RunError where several of them are named."""
    from dltui.plugins.datasets.tables.labels import places_of

    given = [name for name in ("target", "labels", "targets") if getattr(options, name)]
    if len(given) > 1:
        raise RunError(f"a table has {' or '.join(given)}, not both; leave out all but one")
    return places_of(table, options.labels or options.targets)


def reader(
    table: Table, chosen: Sequence[int], options: TableOptions
) -> tuple[Callable[[int, Sequence[str]], list[Any]], tuple[str, ...], tuple[str, ...]]:
    """A function from the cells of a line to its targets, and the names of labels or of numbers. Raises RunError."""
    from dltui.plugins.datasets.tables.columns import Numbers
    from dltui.plugins.datasets.tables.labels import Labels
    from dltui.plugins.datasets.tables.roles import Choice

    if options.labels:
        labels = Labels(table, chosen)
        return labels.row, labels.names, ()
    numbers = Numbers(Choice(table, chosen[0], (), (), (), targets=tuple(chosen)))
    return numbers.value, (), tuple(clean_line(table.columns[place].name, 200) for place in chosen)


def arrays(found: Several, options: TableOptions, context: PreparationContext, below: str) -> Arrays:
    """The decoded images with their targets. Raises RunError."""
    import numpy as np

    from dltui.plugins.datasets.images.decoding.decode import decode
    from dltui.plugins.datasets.tables.labels import rarest

    survey = surveyed(found.listing, options, context)
    bad = dict(survey.broken)
    splits = {name: [one for one in rows if one[0] not in bad] for name, rows in found.listing.splits.items()}
    require_parts(found.listing, splits, bad)
    kept = replace(found.listing, splits=splits)
    train = [row for _, row in splits["train"]]
    strata = rarest(found.targets[train]) if found.labels else np.zeros(len(train), np.int64)
    parts, drawn = divide(kept, options, strata)
    decoded = decode(parts, options.color, survey.reading(options), context, below)
    of = {split: (x, found.targets[rows]) for split, (x, rows) in decoded.parts.items()}
    notes = _broken([*survey.broken, *decoded.broken], len(found.listing.samples))
    return Arrays(
        of["train"],
        of["test"],
        found.labels,
        decoded.mean,
        decoded.std,
        validation=of["validation"],
        notes=(*found.listing.notes, *survey.notes(options), *drawn, *notes, *decoded.notes),
        names=decoded.names,
        inputs={"image": decoded.reading},
        targets=_scales(found, of["train"][1], decoded.names, context),
        border=decoded.reading.get("border", 0),
    )


def _scales(
    found: Several, y: Array, names: Mapping[SplitName, Sequence[str]], context: PreparationContext
) -> tuple[Target, ...]:
    """The scales of the numbers, measured on the train rows that are not left out."""
    import numpy as np

    from dltui.core.data.findings import dropped
    from dltui.plugins.datasets.tables.columns import measured, scaled_targets

    gone = dropped.rows_of(context.dropped, "train", names)
    return scaled_targets(found.numbers, y[measured(np.arange(len(y)), gone)])


def _broken(broken: Sequence[tuple[items.Source, str]], total: int) -> list[str]:
    if not broken:
        return []
    lines = [f"unreadable and left out: {len(broken):,} of {plural(total, 'image')}"]
    lines += [f"{clean_line(items.name(source))}: {reason}" for source, reason in broken[:MOST_NOTES]]
    more = len(broken) - MOST_NOTES
    return [*lines, *([f"and {more:,} more"] if more > 0 else [])]


def preview(found: Several, options: TableOptions) -> Preview:
    """How often each label applies, or the range of each number, with some of the images."""
    from dltui.plugins.datasets.images.preview import preview_of

    alike = {split: [(source, 0) for source, _ in rows] for split, rows in found.listing.splits.items()}
    seen = preview_of(Listing(("",), alike, found.listing.notes), options)
    what = plural(len(found.labels), "label") if found.labels else plural(len(found.numbers), "number")
    # Of rows without an image there are targets, too.
    targets = found.targets[[row for _, row in found.listing.samples]]
    low, high = targets.min(axis=0), targets.max(axis=0)
    ranges = [f"{name} {a:g} to {b:g}" for name, a, b in zip(found.numbers, low, high, strict=False)]
    facts = [("images", f"{len(targets):,} with {what}"), *seen.facts[1:]]
    facts += [("targets", ", ".join(ranges))] if ranges else []
    counts = targets.sum(axis=0).astype(int).tolist() if found.labels else []
    return replace(seen, facts=tuple(facts), classes=tuple(zip(found.labels, counts, strict=True)))
