"""Divides, cuts and scales sequences, and says what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Arrays, Input
from dltui.core.data import digits
from dltui.core.data.arrays import stratified_rows
from dltui.core.data.findings import dropped
from dltui.core.errors import RunError
from dltui.core.inputs.numerals import as_number
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.plugins.datasets.tables import roles
from dltui.plugins.datasets.tables.class_names import class_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dltui.core.contract.types import Array, SplitName, Task
    from dltui.plugins.datasets.sequences.found import Found
    from dltui.plugins.datasets.sequences.options import SequencesOptions

NAME = "sequence"
MOST_CLASSES = 1_000
CONSTANT = 1e-7
"""The largest deviation of a feature that is the same in all steps, as a part of its mean."""


def arrange(found: Found, options: SequencesOptions, task: Task, left_out: Mapping[str, Any] | None = None) -> Arrays:
    """The sequences as data; those that a review leaves out count in nothing that is measured. Raises RunError naming
    the sequence that is wrong.
    """
    target, classes = _targets(found, task)
    _check(found)
    parts = _divided(found, target if classes else np.zeros(len(target)), options)
    train = parts["train"]
    notes = list(found.notes)
    longest = min(max(map(len, found.steps)), options.length)
    cut = sum(len(steps) > longest for steps in found.steps)
    if cut:
        told = f"sequences are cut after {longest:,} steps: {cut:,} of {len(found.steps):,}"
        notes.append(f"{told}; --data length=N keeps more")
    names = {name: [found.names[row] for row in rows] for name, rows in parts.items()} if found.names else None
    gone = dropped.rows_of(left_out, "train", names)
    kept = [row for place, row in enumerate(train) if place not in gone] or train
    steps, one = _described([steps[:longest] for steps in found.steps], kept, found, options, notes)
    data = {name: ({NAME: [steps[row] for row in rows]}, target[rows]) for name, rows in parts.items()}
    return Arrays(
        data["train"],
        data["test"],
        classes,
        validation=data["validation"],
        notes=tuple(notes),
        names=names,
        named_inputs=(one,),
    )


def _described(
    steps: Sequence[Array], train: Sequence[int], found: Found, options: SequencesOptions, notes: list[str]
) -> tuple[Sequence[Array], Input]:
    """The steps as float32 can keep them, and their description, both measured on these sequences of the train part."""
    features = steps[0].shape[1]
    places = found.places or tuple(f"feature {number + 1}" for number in range(features))
    whole = np.concatenate([steps[row] for row in train])
    taken = digits.offsets(whole)
    if taken.any():
        steps, whole = [rows - taken for rows in steps], whole - taken
    notes += [digits.note(f"column {place!r}", off) for place, off in zip(places, taken.tolist(), strict=True) if off]
    mean, std = _scale(whole, options.scale)
    offsets = tuple(taken.tolist()) if taken.any() else ()
    shape = (max(map(len, steps)), features)
    one = Input(NAME, shape, padded=True, mean=mean, std=std, places=places, offsets=offsets, styles=found.styles)
    return steps, one


def _check(found: Found) -> None:
    """Raise RunError for an empty sequence, one with another number of features, and numbers that are missing."""
    features = found.steps[0].shape[1] if len(found.steps) else 0
    for row, steps in enumerate(found.steps):
        called = repr(found.names[row]) if found.names else str(row)
        if not len(steps):
            raise RunError(f"{found.where}: sequence {called} is empty; remove it")
        if steps.shape[1] != features:
            raise RunError(f"{found.where}: sequence {called} has {steps.shape[1]} features, others have {features}")
        bad = np.flatnonzero(~np.isfinite(steps).all(axis=1))
        if len(bad):
            raise RunError(f"{found.where}: step {int(bad[0])} of sequence {called} has a missing number; fill it in")


def _targets(found: Found, task: Task) -> tuple[Array, tuple[str, ...]]:
    """The class numbers and the classes, or the numbers of a regression (n, 1)."""
    if TASKS[task].targets == "numbers":
        numbers = [value if isinstance(value, (int, float)) else found.number(value) for value in found.targets]
        bad = next((row for row, number in enumerate(numbers) if number is None), None)
        if bad is not None:
            told = clean_line(repr(found.targets[bad]), 40)
            raise RunError(f"{found.where}: sequence {bad} has the target {told}, and regression needs numbers")
        # Whole numbers of an archive stay whole: float64 would not keep all of their digits.
        values = np.asarray(numbers)
        return (values if values.dtype.kind in "iu" else values.astype(np.float64)).reshape(-1, 1), ()
    if TASKS[task].targets == "labels":
        raise RunError(f"{found.where} has one target for each sequence; several labels are not read from it")
    texts = [clean_line(_class(value)) for value in found.targets]
    classes = tuple(sorted(set(texts), key=roles.order))
    if len(classes) > MOST_CLASSES:
        raise RunError(f"{found.where} has more than {MOST_CLASSES:,} different targets, which are no classes")
    numbers_of = {name: number for number, name in enumerate(classes)}
    return np.asarray([numbers_of[text] for text in texts]), classes


def _class(value: str | float) -> str:
    return class_name(str(value), as_number(str(value)))


def _divided(found: Found, labels: Array, options: SequencesOptions) -> dict[SplitName, Sequence[int]]:
    """The rows of each part; every class is divided alike."""
    rest = len(found.steps) - found.validation - found.test
    drawn = 0.0 if found.test else options.test
    shares = [drawn, 0.0 if found.validation else options.validation * (1 - drawn)]
    test, validation, train = (part.tolist() for part in stratified_rows(labels[:rest], shares, options.split_seed))
    validation = validation or list(range(rest, rest + found.validation))
    test = test or list(range(rest + found.validation, len(found.steps)))
    if not (test and validation and train):
        raise RunError(f"{found.where} has too few sequences, {len(found.steps)} in all; add some")
    return {"train": train, "validation": validation, "test": test}


def _scale(steps: Array, wanted: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and deviation of each feature on the steps of the train part; a constant one is only moved."""
    if not wanted:
        return (0.0,), (1.0,)
    means, deviations = steps.mean(axis=0).tolist(), steps.std(axis=0).tolist()
    # The deviation of a constant is not exactly 0 where its mean is rounded.
    found = [std if std > CONSTANT * abs(mean) else 1.0 for mean, std in zip(means, deviations, strict=True)]
    return tuple(means), tuple(found)
