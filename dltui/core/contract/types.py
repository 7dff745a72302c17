"""The types that all contracts share: arrays, states, tasks and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
    State = dict[str, Array]


Task = Literal["classification", "multilabel", "regression", "segmentation"]


DatasetTask = Literal["classification", "multilabel", "regression", "segmentation", "any"]
"""The tasks of datasets; "any" means that the targets are read as the model's task requires."""


SplitName = Literal["train", "validation", "test"]


DeviceKind = Literal["cpu", "cuda", "mps"]


InputKind = Literal["single", "table", "sequence", "named"]
"""The inputs of a sample: a single array, "numbers" and "categories" of a table, also with a "text", a single sequence,
or other names."""
