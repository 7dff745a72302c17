"""Estimates how long a run takes and how much memory it needs, from an earlier run of the same kind on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError
from dltui.core.machine.process import this_host
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import read_live

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory


MOST_RUNS = 12
MOST_BYTES = 262_144
"""Size limit of the logs that are read, in bytes: the user waits for the forecast."""
FREE = frozenset(
    ("epochs", "lr", "seed", "schedule", "momentum", "weight_decay", "checkpoint_seconds", "deterministic")
)
"""Hyperparameters that change neither the time of an epoch nor the memory."""


@dataclass(frozen=True)
class Earlier:
    """A run that has ended here. `config` and `options` are what time and memory depend on; `epoch_seconds` trains and
    evaluates once, `other_seconds` are those of its start, its test and whatever else is not of an epoch; `rss` is the
    memory of its process in bytes, 0 where that is not known."""

    name: str
    model: str
    dataset: str
    device: str
    config: Mapping[str, Any]
    options: Mapping[str, Any]
    epoch_seconds: float
    rss: int
    other_seconds: float = 0.0
    parameters: int = 0
    outputs: int = 0
    """The number of values that the layers output for one sample, 0 where the structure is not known."""
    evaluation_seconds: float = 0.0
    """The part of `epoch_seconds` that is no training."""

    def seconds(self, epochs: int) -> float:
        """The expected duration, in seconds, of a similar run of `epochs` epochs, from start to end."""
        return self.epoch_seconds * epochs + self.other_seconds

    def seconds_for(self, training: float) -> float:
        """The expected duration, in seconds, of a similar run that trains for so many, from start to end."""
        share = 1 - self.evaluation_seconds / self.epoch_seconds if self.epoch_seconds > 0 else 1.0
        return training / (share or 1.0) + self.other_seconds


def earlier_runs(runs: Iterable[RunDirectory]) -> list[Earlier]:
    """The runs among the first MOST_RUNS that ended on this machine and can be used for a forecast, in their order."""
    found = []
    for run, _ in zip(runs, range(MOST_RUNS), strict=False):
        try:
            earlier = _earlier(run)
        except (DltuiError, OSError, TypeError, ValueError, AttributeError):
            continue
        found += [earlier] if earlier else []
    return found


def _earlier(run: RunDirectory) -> Earlier | None:
    if run.events_path.stat().st_size > MOST_BYTES:
        return None
    reader = RunReader(run)
    reader.refresh()
    history, asked = reader.history, reader.run
    known = [record for record in history.epochs.values() if record.evaluation_seconds is not None]
    if history.ended is None or history.attempt is None or history.attempt.host != this_host() or not known:
        return None
    evaluating = sum(record.evaluation_seconds or 0.0 for record in known)
    total = sum(record.seconds for record in known) + evaluating
    live = read_live(run.path)
    return Earlier(
        str(reader.labels["name"]),
        str(asked.get("model")),
        str(asked.get("dataset")),
        str((asked.get("device") or {}).get("name")),
        {name: value for name, value in (asked.get("config") or {}).items() if name not in FREE},
        dict(asked.get("dataset_options") or {}),
        total / len(known),
        live.rss if live is not None else 0,
        max(history.elapsed - total, 0.0),
        history.attempt.parameters,
        activations(history.attempt.layers),
        evaluating / len(known),
    )


FRAMEWORK_BYTES = 500_000_000
"""The approximate memory in bytes that CUDA and a framework's libraries keep for themselves."""
SLOTS = {"sgd": 1, "adamw": 2}
"""Values that an optimizer keeps for each parameter."""
FLOAT32, HALF = 4, 2


def activations(layers: Iterable[Mapping[str, Any]]) -> int:
    """The number of values that the layers of a structure output for one sample."""
    shapes = [layer["output"] for layer in layers if layer.get("output")]
    return sum(math.prod(int(size) for size in shape) for shape in shapes)


def estimate(parameters: int, outputs: int, batch: int, config: Mapping[str, Any]) -> int:
    """Bytes: weights, gradients and optimizer in fp32; each output and its gradient, kept for the whole batch, in the
    precision of `config`; and what the framework keeps."""
    size = HALF if config.get("precision") in ("bf16", "fp16") else FLOAT32
    slots = SLOTS.get(str(config.get("optimizer")), max(SLOTS.values()))
    return parameters * FLOAT32 * (2 + slots) + 2 * batch * outputs * size + FRAMEWORK_BYTES
