"""Small made-up data that any model can learn in a second, in several shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeGuard, cast

import numpy as np

from dltui.core.checks.conformance import named_samples
from dltui.core.checks.conformance.named_samples import ROWS, any_of, one_each
from dltui.core.contract import Data, Input, Spec, Split
from dltui.core.inputs import kinds
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.segmentation import IGNORED

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, Task

    Shape = tuple[int, ...] | tuple[Input, ...]

SHAPES: dict[Task, tuple[tuple[tuple[int, ...], int], ...]] = {
    "classification": (((12, 12, 1), 3), ((8, 8, 1), 2), ((28, 28, 1), 10), ((32, 32, 3), 10), ((19, 23, 3), 5)),
    "multilabel": (((12, 12, 1), 3), ((8, 8, 1), 1), ((28, 28, 1), 10), ((32, 32, 3), 4)),
    "regression": (((1,), 1), ((5,), 1), ((4,), 2)),
    "segmentation": (((16, 16, 1), 3), ((19, 23, 3), 2), ((32, 24, 1), 5)),
}
"""(input shape, outputs); the first is what models are trained on."""
IMAGES: dict[Task, tuple[tuple[tuple[int, ...], int], ...]] = {
    **SHAPES,
    "regression": (((12, 12, 1), 1), ((32, 32, 3), 2)),
}
"""Shapes for models that need images."""
VECTORS: dict[Task, tuple[tuple[tuple[int, ...], int], ...]] = {
    "classification": (((6,), 3), ((4,), 2), ((30,), 10)),
    "multilabel": (((6,), 3), ((4,), 1), ((30,), 10)),
}
"""Shapes for models of classes or labels without images."""


def make(task: Task, shape: Shape, outputs: int, rows: int = ROWS) -> Data:
    """A dataset of images with a bright stripe whose position is the class, with a stripe for each label, with a place
    of each class, or as bright as each target, or of numbers with weighted sums as targets.

    The splits share their rows: what is asked is whether a model learns, not whether it generalizes.
    """
    generator = np.random.default_rng(0)
    kind = TASKS[task].targets
    if is_named(shape):
        return named_samples.of(task, shape, outputs, rows)
    input_shape = cast("tuple[int, ...]", shape)
    if kind == "numbers" and len(input_shape) == 3:
        amounts = generator.uniform(size=(rows, outputs)).astype(np.float32)
        x, y = _stripes(generator, input_shape, amounts), amounts
        spec = Spec(task, input_shape, outputs, (), *_moments(x))
    elif kind == "numbers":
        x, y = _sums(generator, input_shape[0], outputs, rows)
        spec = Spec(task, input_shape, outputs)
    elif kind == "masks":
        x, y = _places(generator, input_shape, outputs, rows)
        spec = Spec(task, input_shape, outputs, tuple(f"class {n}" for n in range(outputs)), *_moments(x))
    else:
        present = one_each(rows, outputs) if kind == "class" else any_of(generator, rows, outputs)
        x = _stripes(generator, input_shape, present)
        y = present.argmax(axis=1) if kind == "class" else present
        spec = Spec(task, input_shape, outputs, tuple(f"class {n}" for n in range(outputs)), *_moments(x))
    part = Split(x, y, np.arange(rows, dtype=np.int64))
    return Data("made up", spec, part, part, part, fingerprint="made up")


def is_named(shape: Shape) -> TypeGuard[tuple[Input, ...]]:
    """True for named inputs in place of the shape of a single one."""
    return bool(shape) and isinstance(shape[0], Input)


def label(input_shape: Shape, outputs: int) -> str:
    """A label of the data's shape: `28x28x1, 10 outputs`."""
    shape = kinds.label(input_shape) if is_named(input_shape) else "x".join(map(str, input_shape))
    return f"{shape}, {outputs} outputs"


def _stripes(generator: np.random.Generator, shape: tuple[int, ...], present: Array) -> Array:
    """Samples with a bright place for each class that is present, or as bright as it is said to be, from 0 to 1."""
    rows, classes = present.shape
    if len(shape) == 1:
        places = present[:, np.arange(shape[0]) % classes]
        vectors: Array = (generator.uniform(0, 60, (rows, *shape)) + 160 * places).astype(np.float32)
        return vectors
    x = generator.integers(0, 60, (rows, *shape))
    # Where classes are more than columns they go on in the rows.
    width = min(classes, shape[1])
    heights = math.ceil(classes / width)
    columns, lines = np.arange(shape[1]) * width // shape[1], np.arange(shape[0]) * heights // shape[0]
    place = np.minimum(lines[:, None] * width + columns[None, :], classes)
    bright = np.pad(present, ((0, 0), (0, 1)))[:, place]
    images: Array = (x + 160 * bright[..., None]).astype(np.uint8)
    return images


def _places(generator: np.random.Generator, shape: tuple[int, ...], classes: int, rows: int) -> tuple[Array, Array]:
    """Images with a rectangle of a class, the brighter the higher its number, and their masks; a column of each mask
    does not count.
    """
    masks = np.zeros((rows, *shape[:2]), np.uint8)
    corners = generator.integers(0, (shape[0] // 2, shape[1] // 2), (rows, 2))
    for number, (top, left) in enumerate(corners.tolist()):
        masks[number, top : top + shape[0] // 2, left : left + shape[1] // 2] = number % classes
    bright = generator.integers(0, 30, (rows, *shape)) + (masks * (200 // (classes - 1)))[..., None]
    masks[:, :, 0] = IGNORED
    return bright.astype(np.uint8), masks


def _sums(generator: np.random.Generator, features: int, outputs: int, rows: int) -> tuple[Array, Array]:
    x = generator.normal(size=(rows, features)).astype(np.float32)
    weights = np.linspace(-1, 2, features * outputs).reshape(features, outputs)
    return x, (x @ weights + 1).astype(np.float32)


def _moments(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    channels = x.reshape(-1, x.shape[-1])
    return tuple(channels.mean(axis=0).tolist()), tuple(channels.std(axis=0).tolist())
