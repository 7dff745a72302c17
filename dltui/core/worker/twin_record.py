"""Records the measurements of a run of twins in its worker, and gives both twins the same initial weights."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.core.train import evaluation, predictions

if TYPE_CHECKING:
    from dltui.core.contract import Data, EpochPlan, Layer, StepStats, Trainable
    from dltui.core.contract.types import Array, SplitName, State
    from dltui.core.rundir.directory import RunDirectory


NAMED = 3
"""The number of weights that a message names."""


def begin(trainable: Trainable, data: Data, folder: Path, asked: Mapping[str, Any]) -> Trainable:
    """Wrap the trainable, with the twin's initial weights (or after writing its own for the twin), so that it is
    measured.

    `asked` is the entry "twin" of run.json: {"start": path of its weights, or null}. Raises RunError.
    """
    path = asked.get("start")
    if path:
        take_over(trainable, _read(Path(str(path))))
    else:
        _write(folder / START, _weights(trainable.state()))
    count, rows = min(IMAGES, len(data.test)), evaluation.rows_at_once(trainable, data.spec)
    parts = [trainable.predict("test", slice(at, min(at + rows, count))) for at in range(0, count, rows)]
    return Measured(trainable, folder / MEASURED, np.concatenate(parts))


def take_over(trainable: Trainable, start: State) -> None:
    """Load these weights, which must be all of the model's. Raises RunError naming a weight that only one twin has."""
    own = _weights(trainable.state())
    ours, theirs = (_names(some.keys() - other.keys()) for some, other in ((own, start), (start, own)))
    if ours or theirs:
        raise RunError(
            f"these are no twins: only this model has {ours or 'nothing'}, only the other {theirs or 'nothing'}; "
            "layers with weights must be called alike in both"
        )
    trainable.load_state(start)


def _names(keys: Collection[str]) -> str:
    """The first names of these weights in alphabetical order, and the number of the others."""
    names = [clean_line(key.removeprefix("weights/"), 60) for key in sorted(keys)]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _weights(state: State) -> State:
    return {key: array for key, array in state.items() if key.startswith("weights/")}


def _write(path: Path, state: State) -> None:
    from safetensors.numpy import save

    path.parent.mkdir(mode=0o700, exist_ok=True)
    fs.write_atomic(path, save({name: np.asarray(array, order="C") for name, array in state.items()}))


def _read(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(path.read_bytes())
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"the twin's initial weights cannot be read: {clean_line(error, 200)}") from error


class Measured:
    """A trainable whose first losses are written down, beside the logits that it began with."""

    def __init__(self, trainable: Trainable, path: Path, logits: Array) -> None:
        self._inner, self._path, self._logits = trainable, path, logits
        self._losses: list[float] = []
        self._saved = 0
        self._batch = 1
        self._save()

    def begin_epoch(self, plan: EpochPlan) -> Sequence[str] | None:
        self._batch = plan.batch
        return self._inner.begin_epoch(plan)

    def advance(self, steps: int) -> StepStats:
        stats = self._inner.advance(steps)
        if len(self._losses) < LOSSES:
            means = np.asarray(stats.loss, dtype=np.float64) / self._batch
            self._losses += means[: LOSSES - len(self._losses)].tolist()
        if self._saved < len(self._losses):
            # On a full disk the run pauses where it saves its checkpoints; these are written when there is room.
            with contextlib.suppress(OSError):
                self._save()
        return stats

    def predict(self, split: SplitName, rows: slice) -> Array:
        return self._inner.predict(split, rows)

    def state(self) -> State:
        return self._inner.state()

    def load_state(self, state: State) -> None:
        self._inner.load_state(state)

    def layers(self) -> Sequence[Layer]:
        return self._inner.layers()

    def __getattr__(self, name: str) -> Any:
        """Any optional attribute of the wrapped trainable."""
        return getattr(self._inner, name)

    def _save(self) -> None:
        predictions.write(self._path, {"logits": self._logits, "losses": np.array(self._losses, dtype=np.float64)})
        self._saved = len(self._losses)


IMAGES = 1000
"""The number of samples of the test split, in its order, for which both give logits before the first step."""
LOSSES = 100
"""Steps whose losses are compared."""
START, MEASURED = "start.safetensors", "measured.npz"


def folder(run: RunDirectory) -> Path:
    """The folder of a run for the measurements that are compared."""
    return run.path / "twin"
