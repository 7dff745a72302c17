"""Small made-up data with named inputs: tables, sequences of numbers and of tokens, and what a model declares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.contract import Data, Spec, Split
from dltui.core.contract.inputs import LENGTH, Input
from dltui.core.inputs.records import record_type
from dltui.core.tasks.registry import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.contract.types import Array, InputKind, Task

ROWS = 96
SHAPES: dict[InputKind, tuple[tuple[Input, ...], ...]] = {
    "table": (
        (Input("numbers", (3,)), Input("categories", (2,), "int32", (4, 6))),
        (Input("numbers", (5,)),),
        (Input("categories", (1,), "int32", (9,)),),
    ),
    "sequence": (
        (Input("sequence", (12, 2), padded=True),),
        (Input("sequence", (9, 1)),),
        (Input("text", (16,), "int32", (30,), padded=True),),
    ),
}
"""The inputs of each kind; models are trained on the first."""
OUTPUTS: dict[Task, tuple[int, ...]] = {"classification": (3, 2, 10), "multilabel": (3, 1, 4), "regression": (1, 2, 1)}
"""The outputs that go with them."""
MORE = 5
"""The places by which sequences are padded further."""
SIGNAL = 0.8
"""The share of places that tell the target."""


def one_each(rows: int, classes: int) -> Array:
    """0 or 1 for each class, (rows, classes), one of them in each row, in turns."""
    return np.eye(classes, dtype=np.uint8)[np.arange(rows) % classes]


def any_of(generator: np.random.Generator, rows: int, labels: int) -> Array:
    """0 or 1 for each label, (rows, labels), at random."""
    return generator.integers(0, 2, (rows, labels)).astype(np.uint8)


def of(task: Task, named: Sequence[Input], outputs: int, rows: int = ROWS) -> Data:
    """A dataset whose inputs each tell the targets; the splits share their rows."""
    generator, kind = np.random.default_rng(0), TASKS[task].targets
    if kind == "numbers":
        present = y = generator.normal(size=(rows, outputs)).astype(np.float32)
    else:
        present = one_each(rows, outputs) if kind == "class" else any_of(generator, rows, outputs)
        y = present.argmax(axis=1) if kind == "class" else present
    x = _inputs(generator, named, present)
    classes = () if kind == "numbers" else tuple(f"class {n}" for n in range(outputs))
    spec = Spec(task, (), outputs, classes, named_inputs=tuple(named))
    part = Split(x, y, np.arange(rows, dtype=np.int64))
    return Data("made up", spec, part, part, part, fingerprint="made up")


def _inputs(generator: np.random.Generator, named: Sequence[Input], present: Array) -> Array:
    """The records of samples: `present` (n, outputs) are 0 or 1 for each class or label, or targets of a regression."""
    x = np.zeros(len(present), record_type(named))
    for one in named:
        if one.dtype == "float32":
            x[one.name] = _levels(generator, one, present)
        elif one.dtype == "uint8":
            bright = present.mean(axis=1).reshape(-1, *(1 for _ in one.shape))
            x[one.name] = np.clip(generator.integers(0, 60, (len(present), *one.shape)) + 160 * bright, 0, 255)
        else:
            x[one.name] = _numbers(generator, one, present)
        if one.padded:
            x[one.name + LENGTH] = lengths = generator.integers(one.shape[0] // 2, one.shape[0] + 1, len(present))
            x[one.name][np.arange(one.shape[0]) >= lengths[:, None]] = 0
    return x


def padded_further(data: Data) -> Data:
    """The same samples, whose padded inputs have more places."""
    named = tuple(
        replace(one, shape=(one.shape[0] + MORE, *one.shape[1:])) if one.padded else one
        for one in data.spec.named_inputs
    )
    x = np.zeros(len(data.train), record_type(named))
    for name in x.dtype.names or ():
        given = data.train.x[name]
        x[name][tuple(slice(0, size) for size in given.shape)] = given
    part = replace(data.train, x=x)
    return replace(data, spec=replace(data.spec, named_inputs=named), train=part, validation=part, test=part)


def _levels(generator: np.random.Generator, one: Input, present: Array) -> Array:
    """Numbers whose level in each feature tells one or more of the outputs."""
    features = one.shape[-1] if one.shape else 1
    level = np.zeros((len(present), features))
    for number in range(present.shape[1]):
        level[:, number % features] += 2 * present[:, number] * (1 + number // features)
    middle = (1 for _ in one.shape[:-1])
    noise: Array = generator.normal(0, 0.3, (len(present), *one.shape))
    return noise + level.reshape(len(present), *middle, *one.shape[-1:])


def _numbers(generator: np.random.Generator, one: Input, present: Array) -> Array:
    """Numbers of categories or tokens, most of which are that of the target; 0 is the padding of sequences."""
    code = np.rint(present @ (1 + np.arange(present.shape[1]))).astype(np.int64)
    vocabulary = np.asarray(one.vocabulary)
    least = int(one.padded)
    noise = generator.integers(least, vocabulary, (len(present), *one.shape))
    told = least + (code.reshape(-1, *(1 for _ in one.shape)) - least) % (vocabulary - least)
    return np.where(generator.random(noise.shape) < SIGNAL, told, noise)
