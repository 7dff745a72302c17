"""Checks the arrays that a dataset plugin returned and brings them into the form that all later code relies on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Arrays, Column, Spec, Target
from dltui.core.data import digits
from dltui.core.data.returned import UNORDERED, well_formed
from dltui.core.errors import RunError
from dltui.core.inputs import records
from dltui.core.tasks.numbers import chunks, floats
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, Task
    from dltui.core.tasks.definition import TaskDefinition

UNSCALED = 100
"""The largest feature without a warning."""
CHANNELS = (1, 3, 4)
"""How many channels images usually have."""
LEAST_SIDE = 16
"""The least side of what is surely an image and not a signal or a board."""


def checked(task: Task, returned: object) -> Arrays:
    """What `prepare` returned as uint8 (n, height, width, channels), float32 (n, features) or records of named inputs,
    with int64 labels or float32 targets. Raises RunError naming the wrong part and row.
    """
    arrays = well_formed(returned)
    classes = tuple(str(name) for name in arrays.classes)
    definition = TASKS[task]
    if len(classes) < definition.least_classes:
        hint = "" if classes else "; give their names: Arrays(classes=...)"
        least = "two classes" if definition.least_classes == 2 else "one class"
        raise RunError(f"{task} needs at least {least}, found {len(classes)}{hint}")
    if twice := next((name for name in classes if classes.count(name) > 1), None):
        raise RunError(f"classes has {clean_line(repr(twice), 60)} twice; each class has a name of its own")
    _check_inputs_record(arrays.inputs)
    parts = {}
    records.check_inputs(arrays.named_inputs)
    given, targets, lost = _given(definition, arrays)
    for name, (x, y) in given.items():
        x = _inputs(name, x) if not arrays.named_inputs else records.pack(name, x, arrays.named_inputs)
        y = definition.arithmetic.checked(name, y, classes)
        if len(x) != len(y):
            raise RunError(f"{len(x):,} {name} samples but {len(y):,} labels or targets")
        if definition.targets == "masks" and (x.ndim != 4 or x.shape[1:3] != y.shape[1:]):
            raise RunError(
                f"{name} samples have the shape {x.shape[1:]}, their masks {y.shape[1:]}; they need one size"
            )
        parts[name] = (x, y)
    told = _check_together(task, parts, classes)
    _check_names(arrays.names, {name: len(x) for name, (x, _) in parts.items()})
    return replace(
        arrays,
        train=parts["train"],
        test=parts["test"],
        validation=parts.get("validation"),
        classes=classes,
        targets=targets,
        notes=(*arrays.notes, *lost, *told),
    )


def _given(
    definition: TaskDefinition, arrays: Arrays
) -> tuple[dict[str, tuple[Any, Any]], tuple[Target, ...], list[str]]:
    """The parts by their names, with targets that float32 can keep, their description, and notes about them."""
    given = {"train": arrays.train, "test": arrays.test}
    given |= {} if arrays.validation is None else {"validation": arrays.validation}
    if definition.targets != "numbers":
        return given, arrays.targets, []
    return digits.shift_targets(given, arrays.targets)


def _check_names(names: object, rows: Mapping[str, int]) -> None:
    if names is None:
        return
    if not isinstance(names, Mapping):
        raise RunError(f"names must be a dict with a list for each part, it is a {type(names).__name__}")
    for part, listed in names.items():
        if part not in rows:
            raise RunError(f"names has {clean_line(repr(part), 40)}, the parts are {', '.join(rows)}")
        if isinstance(listed, str):
            raise RunError(f"names[{part!r}] is a text; give one for each of {rows[part]:,} samples")
        if isinstance(listed, UNORDERED):
            raise RunError(f"names[{part!r}] is a set, which has no order; give a list")
        if not hasattr(listed, "__len__") or len(listed) != rows[part]:
            given = f"{len(listed):,} names" if hasattr(listed, "__len__") else type(listed).__name__
            raise RunError(f"names[{part!r}] has {given} for {rows[part]:,} samples; give one for each")


def _check_inputs_record(inputs: object) -> None:
    try:
        if inputs is not None:
            json.dumps(dict(inputs))  # type: ignore[call-overload]
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"inputs must be a dict that JSON can hold: {clean_line(error, 100)}") from None


def _check_together(task: Task, parts: dict[str, tuple[Array, Array]], classes: tuple[str, ...]) -> list[str]:
    (train_x, train_y), (test_x, test_y) = parts["train"], parts["test"]
    if len(train_x) < 2 or len(test_x) < 1:
        raise RunError(
            f"needs at least 2 train samples and 1 test sample, found {len(train_x)} and {len(test_x)}; add data"
        )
    for name, (x, _) in parts.items():
        if not len(x):
            raise RunError(f"there are no {name} samples; add data")
        if train_x.shape[1:] != x.shape[1:]:
            raise RunError(f"train samples have shape {train_x.shape[1:]}, {name} samples {x.shape[1:]}")
    return [*_order_note(train_x.shape[1:]), *TASKS[task].arithmetic.check_train(train_y, test_y, classes)]


def _inputs(part: str, given: object) -> Array:
    if isinstance(given, Mapping):
        raise RunError(f"{part} samples are a dict; say what it holds: Arrays(named_inputs=(Input(...), ...))")
    x = np.asanyarray(given)
    if x.ndim in (3, 4):
        if x.dtype != np.uint8:
            named = f'{{"sequence": x}} and named_inputs=(Input("sequence", {x.shape[1:]}),)'
            hint = f"; for sequences give {named}" if x.ndim == 3 and x.dtype.kind == "f" else ""
            raise RunError(f"{part} images must be uint8 (0 to 255), got {x.dtype}{hint}")
        x = x[..., np.newaxis] if x.ndim == 3 else x
        _check_order(part, x.shape[1:])
    else:
        x = floats(part, "features", x)
    if 0 in x.shape[1:]:
        raise RunError(f"{part} samples are empty: shape {x.shape[1:]}")
    return x


def _check_order(part: str, shape: tuple[int, ...]) -> None:
    """Check that images do not have their channels first, as other libraries keep them. Raises RunError."""
    if shape[0] in CHANNELS and min(shape[1:]) >= LEAST_SIDE:
        told = f"{part} images have the shape {shape}, with the channels first"
        raise RunError(f"{told}; give (height, width, channels): x.transpose(0, 2, 3, 1)")


def _order_note(shape: tuple[int, ...]) -> list[str]:
    """A note about images that are too small to tell whether they have their channels first."""
    if len(shape) != 3 or shape[0] not in CHANNELS or min(shape[1:]) <= max(CHANNELS):
        return []
    told = f"images of the shape {shape} are taken as (height, width, channels)"
    return [f"{told}; where the channels are first, x.transpose(0, 2, 3, 1) mends it"]


def split_rows(rows: int, validation: float, seed: int) -> tuple[Array, Array]:
    """The train and validation rows, each in ascending order and never empty: a pure function of the arguments."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    order = generator.permutation(rows)
    count = min(max(1, round(rows * validation)), rows - 1)
    return np.sort(order[count:]).astype("<i8"), np.sort(order[:count]).astype("<i8")


def stratified_rows(labels: Array, shares: Sequence[float], seed: int) -> list[Array]:
    """Rows of each share of the data and, last, of the rest, in ascending order; every class is divided alike, and has
    at least one row in the rest and, as far as there are enough, in each share: a pure function of the arguments."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    parts: list[list[Array]] = [[] for _ in range(len(shares) + 1)]
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        whole = len(rows)
        for number, share in enumerate(shares):
            count = min(max(round(whole * share), 1 if share else 0), len(rows) - 1)
            parts[number].append(rows[:count])
            rows = rows[count:]
        parts[-1].append(rows)
    return [np.sort(np.concatenate(part or [np.empty(0)])).astype("<i8") for part in parts]


def make_spec(task: Task, arrays: Arrays, rows: Array) -> Spec:
    """The shape of checked data, with mean and std measured on the given train rows where the plugin left them
    out: images in pixel units per channel; vectors stay as they are."""
    x, y = arrays.train
    if arrays.named_inputs:
        return _named_spec(task, arrays)
    channels = x.shape[-1]
    mean, std = (0.0,) * channels, (1.0,) * channels
    if x.ndim == 4 and (arrays.mean is None or arrays.std is None):
        mean, std = measure(x, rows)
    return Spec(
        task,
        _seen(x.shape[1:], arrays.border),
        len(arrays.classes) if TASKS[task].has_classes else int(y.shape[1]),
        arrays.classes,
        mean if arrays.mean is None else _per_channel("mean", arrays.mean, channels),
        std if arrays.std is None else _per_channel("std", arrays.std, channels),
        _columns(arrays.columns, channels),
        _targets(arrays.targets, int(y.shape[1])) if TASKS[task].targets == "numbers" else (),
    )


def _named_spec(task: Task, arrays: Arrays) -> Spec:
    y, classes, numbers = arrays.train[1], arrays.classes, TASKS[task].targets == "numbers"
    return Spec(
        task,
        (),
        int(y.shape[1]) if numbers else len(classes),
        classes,
        targets=_targets(arrays.targets, int(y.shape[1])) if numbers else (),
        named_inputs=arrays.named_inputs,
    )


def _seen(shape: Sequence[int], border: int) -> tuple[int, ...]:
    """The shape of what a model sees of stored samples. Raises RunError."""
    if not border:
        return tuple(int(size) for size in shape)
    if len(shape) != 3 or border < 0 or 2 * border >= min(shape[:2]):
        raise RunError(f"a border of {border} pixels leaves nothing of samples with the shape {tuple(shape)}")
    height, width, channels = map(int, shape)
    return height - 2 * border, width - 2 * border, channels


def middle(stored: Array, shape: tuple[int, ...]) -> Array:
    """The middle of stored images (n, height, width, channels) that has this shape."""
    top, left = ((whole - seen) // 2 for whole, seen in zip(stored.shape[1:3], shape[:2], strict=True))
    return stored[:, top : top + shape[0], left : left + shape[1]]


def unscaled(arrays: Arrays, name: str) -> list[str]:
    """A warning about large vectors that no mean and std scale; a model may not learn with them."""
    x = arrays.train[0]
    if arrays.named_inputs or x.ndim != 2 or arrays.mean is not None or arrays.std is not None:
        return []
    largest = max(float(np.abs(x[rows]).max()) for rows in chunks(x))
    told = f"the features of {name} go up to {largest:,.0f} and are not scaled; Arrays(mean=..., std=...) scales them"
    return [told] if largest > UNSCALED else []


def _columns(columns: tuple[Column, ...], features: int) -> tuple[Column, ...]:
    """The columns, checked: they cover the features one after the other. Raises RunError."""
    place = 0
    for column in columns:
        if column.first != place or column.width < 1 or (column.kind == "number" and column.width != 1):
            raise RunError(f"column {column.name!r} of columns begins at feature {place} and covers at least one")
        place += column.width
    if columns and place != features:
        raise RunError(f"columns has {place} features, the rows have {features}")
    return columns


def _targets(targets: tuple[Target, ...], count: int) -> tuple[Target, ...]:
    """The targets, checked. Raises RunError."""
    if targets and len(targets) != count:
        raise RunError(f"targets names {len(targets)}, the rows have {count}")
    for target in targets:
        if not np.isfinite((target.mean, target.std)).all() or target.std <= 0:
            raise RunError(f"target {target.name!r} needs a finite mean and a std above 0")
    return targets


def _per_channel(name: str, values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) not in (1, channels) or not np.isfinite(values).all() or (name == "std" and min(values) <= 0):
        raise RunError(f"{name} must be one finite number a channel ({channels}), std above 0; got {values}")
    return tuple(float(value) for value in values) * (channels // len(values))


def measure(x: Array, rows: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images over the given rows, exact through histograms."""
    counts = np.zeros((x.shape[-1], 256), dtype=np.int64)
    for some in chunks(x, len(rows)):
        pixels = x[rows[some]]
        for channel in range(x.shape[-1]):
            counts[channel] += np.bincount(pixels[..., channel].ravel(), minlength=256)
    return moments(counts)


def moments(counts: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, from how often each value occurs in it: `counts` (channels, 256)."""
    values = np.arange(256, dtype=np.float64)
    total = counts.sum(axis=1)
    mean = (counts * values).sum(axis=1) / total
    std = np.sqrt((counts * (values - mean[:, np.newaxis]) ** 2).sum(axis=1) / total)
    # A channel without contrast is left alone instead of divided by zero.
    return tuple(float(m) for m in mean), tuple(float(s) if s > 0 else 1.0 for s in std)
