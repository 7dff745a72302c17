"""A model's predictions for a split: the .npz files from which screens and figures are drawn without the dataset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltui.core import fs
from dltui.core.inputs import shown
from dltui.core.tasks.registry import TASKS

if TYPE_CHECKING:
    from dltui.core.contract import Spec, Split
    from dltui.core.contract.types import Array, Task
    from dltui.core.train.metrics import Outputs


def collect(
    task: Task, outputs: Outputs, split: Split, name: str, epoch: int, spec: Spec | None = None
) -> dict[str, Array]:
    """The arrays of a predictions file: `ids` int64 (n,), `split`, `epoch`, those of the task, and of samples with
    named inputs what shows the wrong ones.
    """
    arrays: dict[str, Array] = {
        "ids": np.asarray(split.ids, dtype=np.int64),
        "split": np.array(name),
        "epoch": np.array(epoch),
    }
    arrays |= TASKS[task].arithmetic.predictions(outputs, split, spec)
    if spec is not None and spec.named_inputs and "wrong" in arrays and arrays["wrong"].ndim == 1:
        arrays |= shown.of(split.x, spec, arrays["wrong"])
    return arrays


def write(path: Path, arrays: dict[str, Array]) -> None:
    """Write the arrays atomically."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    fs.write_atomic(path, buffer.getvalue())
