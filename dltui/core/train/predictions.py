"""A model's predictions for a split: the .npz files from which screens and figures are drawn without the dataset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltui.core import fs
from dltui.core.tasks.scores.softmax import log_softmax

if TYPE_CHECKING:
    from dltui.core.contract import Split
    from dltui.core.contract.types import Array, Task

TOP = 5
MOST_THUMBNAILS = 5_000
THUMBNAIL_SIZE = 64


def collect(task: Task, outputs: Array, split: Split, name: str, epoch: int) -> dict[str, Array]:
    """The arrays of a predictions file.

    Always `ids` int64 (n,), `split`, `epoch`. Classes: `labels` int64 (n,), `top` int32 (n, k) and `probabilities`
    float32 (n, k) of the k <= 5 likeliest classes, `wrong` int64 (m,) positions of the mistakes, most confident
    first, their `thumbnails` uint8 (m, h, w, c) and, where the dataset tells, `names` in UTF-8 (m,). Regression: `x`,
    `y`, `prediction` float32.
    """
    arrays: dict[str, Array] = {
        "ids": np.asarray(split.ids, dtype=np.int64),
        "split": np.array(name),
        "epoch": np.array(epoch),
    }
    if task == "regression":
        return arrays | {
            "x": np.asarray(split.x),
            "y": np.asarray(split.y),
            "prediction": outputs.astype(np.float32),
        }
    return arrays | _classes(outputs, split)


def _classes(outputs: Array, split: Split) -> dict[str, Array]:
    labels = np.asarray(split.y, dtype=np.int64)
    count = min(TOP, outputs.shape[1])
    # A stable sort of the negated logits keeps the lower class first in a tie, as argmax does.
    top = np.argsort(-outputs, axis=1, kind="stable")[:, :count].astype(np.int32)
    probabilities = np.exp(np.take_along_axis(log_softmax(outputs), top, axis=1)).astype(np.float32)
    wrong = np.flatnonzero(top[:, 0] != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, 0], kind="stable")][:MOST_THUMBNAILS]
    names = {} if split.names is None else {"names": np.asarray(split.names[wrong])}
    return names | {
        "labels": labels,
        "top": top,
        "probabilities": probabilities,
        "wrong": wrong,
        "thumbnails": _thumbnails(split.x, wrong),
    }


def _thumbnails(x: Array, rows: Array) -> Array:
    """The images of these rows, reduced to at most 64 pixels a side; an empty array for data without images."""
    if x.ndim != 4 or x.dtype != np.uint8:
        return np.zeros((0, 0, 0, 0), dtype=np.uint8)
    stride = max(1, -(-max(x.shape[1:3]) // THUMBNAIL_SIZE))
    return np.ascontiguousarray(x[rows][:, ::stride, ::stride])


def write(path: Path, arrays: dict[str, Array]) -> None:
    """Write the arrays atomically."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    fs.write_atomic(path, buffer.getvalue())
