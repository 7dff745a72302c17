"""Checks prepared data for duplicates within and between splits, blank or odd images, and the balance of classes."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from dltui.core.data.findings import near, odd, small
from dltui.core.data.findings.record import SPLITS, Findings, Kind, Odd, Pair, Sample, name_of
from dltui.core.tasks.numbers import chunks
from dltui.core.tasks.registry import TASKS

if TYPE_CHECKING:
    from dltui.core.contract import Data, Split
    from dltui.core.contract.types import Array, SplitName

MOST_KEPT = 2_000
"""The pairs, and the odd samples, that are kept one by one."""
QUICK_BYTES, QUICK_SAMPLES = 256 << 20, 100_000
"""The data that is checked before a run; more of it only when it is asked for."""
RANK = {"test": 0, "validation": 1, "train": 2}
"""Of duplicates the one with the lowest rank is kept: what is measured with stays as it is."""


class _Rows:
    """The samples of all splits, one after the other."""

    def __init__(self, data: Data) -> None:
        self.splits: list[Split] = [data.split(cast("SplitName", name)) for name in SPLITS]
        self.ends = np.cumsum([len(split) for split in self.splits])
        self._targets = TASKS[data.spec.task].targets

    def sample(self, row: int) -> Sample:
        """The sample in a row."""
        number = int(np.searchsorted(self.ends, row, side="right"))
        split, at = self.splits[number], row - int(self.ends[number - 1] if number else 0)
        name = "" if split.names is None else name_of(split.names[at])
        label = int(split.y[at]) if self._targets == "class" else -1
        labels = tuple(np.flatnonzero(split.y[at]).tolist()) if self._targets == "labels" else ()
        return Sample(SPLITS[number], at, int(split.ids[at]), label, name, labels)

    def pair(self, kind: Kind, rows: tuple[int, int], residue: float = 0.0) -> Pair:
        """The pair of two rows, of which one is to be kept."""
        first, second = sorted(map(self.sample, rows), key=lambda sample: (RANK[sample.split], sample.id))
        return Pair(kind, first, second, round(float(residue), 4))


def quick(data: Data, folder: Path | None = None) -> Findings:
    """The findings about data of a usual size; of larger data only the balance of its classes."""
    size = sum(data.split(cast("SplitName", name)).x.nbytes for name in SPLITS)
    samples = sum(len(data.split(cast("SplitName", name))) for name in SPLITS)
    if size > QUICK_BYTES or samples > QUICK_SAMPLES:
        skipped = f"duplicates and blank samples, in {samples:,} samples of {size / (1 << 30):.1f} GiB"
        return Findings(
            data.fingerprint,
            data.name,
            data.spec.classes,
            _sizes(data),
            _per_class(data),
            skipped=(skipped,),
            is_short=True,
        )
    # Opening each file would cost a start more than reading all of its pixels.
    return replace(check(data), is_short=folder is not None)


def check(data: Data, folder: Path | None = None) -> Findings:
    """All findings about data; the names of its samples are files in `folder`, where there is one."""
    began = time.monotonic()
    rows = _Rows(data)
    # Rows of a table, and points, often share their inputs by chance, but not the number to predict as well.
    with_targets = not data.spec.is_image and TASKS[data.spec.task].targets == "numbers"
    firsts, same = _equal(rows.splits, with_targets)
    pairs = [rows.pair("exact", pair) for pair in same]
    wrong: dict[int, str] = {}
    skipped: list[str] = []
    if data.spec.is_image:
        images = small.reduced([split.x for split in rows.splits])
        wrong = odd.blank(images)
        found, residues = near.near_pairs(images[firsts])
        pairs += [
            rows.pair("near", (int(firsts[a]), int(firsts[b])), r)
            for (a, b), r in zip(found.tolist(), residues.tolist(), strict=True)
        ]
        if min(images.shape[1:3]) < near.LEAST_SIDE:
            skipped.append(f"near duplicates, in images of {data.spec.input_shape[0]}x{data.spec.input_shape[1]}")
        wrong = _misshapen(rows, folder) | wrong
    pairs.sort(key=lambda pair: (not pair.leaks, pair.kind, pair.residue, pair.other.split, pair.other.id))
    blank = [Odd(rows.sample(row), why) for row, why in sorted(wrong.items())]
    return Findings(
        data.fingerprint,
        data.name,
        data.spec.classes,
        _sizes(data),
        _per_class(data),
        tuple(pairs[:MOST_KEPT]),
        dict(Counter(f"{pair.kind}: {pair.splits}" for pair in pairs)),
        sum(pair.contradicts for pair in pairs),
        tuple(blank[:MOST_KEPT]),
        dict(Counter(one.why for one in blank)),
        tuple(skipped),
        time.monotonic() - began,
    )


def _equal(splits: Sequence[Split], with_targets: bool) -> tuple[Array, list[tuple[int, int]]]:
    """The rows of all different samples, and the pairs of rows of equal ones, each with the one that is kept. Equal are
    their inputs, and their targets where these count.
    """
    kept: dict[bytes, int] = {}
    ranks = [RANK[name] for name in SPLITS]
    same: list[tuple[int, int]] = []
    starts = np.cumsum([0, *map(len, splits)])
    # In the order in which they are kept, so that each other one is paired with that.
    for number in sorted(range(len(splits)), key=ranks.__getitem__):
        for row, digest in enumerate(_digests(splits[number], with_targets), int(starts[number])):
            first = kept.setdefault(digest, row)
            if first != row:
                same.append((first, row))
    return np.array(sorted(kept.values()), dtype=np.int64), same


def _digests(split: Split, with_targets: bool) -> Iterator[bytes]:
    for some in chunks(split.x):
        rows = _bytes(split.x[some])
        if with_targets:
            rows = np.concatenate([rows, _bytes(split.y[some])], axis=1)
        for row in rows:
            yield hashlib.blake2b(row.data, digest_size=16).digest()


def _bytes(values: Array) -> Array:
    """The bytes uint8 (rows, bytes of a row) of an array, which may be one of records."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _misshapen(rows: _Rows, folder: Path | None) -> dict[int, str]:
    """The rows whose files have an unusual size or shape."""
    if folder is None or any(split.names is None for split in rows.splits):
        return {}
    names = [bytes(name) for split in rows.splits for name in (split.names if split.names is not None else ())]
    return odd.misshapen(folder / name.decode(errors="replace") for name in names)


def _sizes(data: Data) -> dict[str, int]:
    return {name: len(data.split(cast("SplitName", name))) for name in SPLITS}


def _per_class(data: Data) -> dict[str, tuple[int, ...]]:
    """The samples of each class, or with each label, in each split."""
    targets = TASKS[data.spec.task].targets
    found = {}
    for name in SPLITS:
        y = np.asarray(data.split(cast("SplitName", name)).y)
        if targets == "class":
            found[name] = tuple(np.bincount(y, minlength=data.spec.outputs).tolist())
        elif targets == "labels":
            found[name] = tuple(y.sum(axis=0, dtype=np.int64).tolist())
    return found
