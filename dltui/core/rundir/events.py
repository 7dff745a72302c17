"""The events of a run: a small closed set of facts, named in the past tense, that core emits and readers fold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """The base of all events. The log adds the envelope: seq, time (unix seconds), elapsed (seconds since the attempt
    began, monotonic), attempt, crc.
    """

    type: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, **asdict(self)}


@dataclass(frozen=True)
class AttemptStarted(Event):
    """A worker began (or resumed) a run and found this. `start_step` supersedes earlier events after that step."""

    type: ClassVar[str] = "attempt_started"
    start_step: int
    start_epoch: int
    epochs: int
    steps_per_epoch: int
    total_steps: int
    batch_size: int
    resumed_from: str | None
    host: str
    pid: int
    user: str
    device: dict[str, Any]
    framework: str
    versions: dict[str, str]
    threads: int
    dataset: dict[str, Any]
    """name, fingerprint, classes (list), input_shape, task, outputs, mean, std, sizes {train, validation,
    test}, options."""
    monitor: dict[str, str]
    """metric ("accuracy"), split ("validation"), mode ("max" | "min")."""
    parameters: int
    layers: list[dict[str, Any]]
    plugin: dict[str, Any] = field(default_factory=dict)
    run_sha256: str = ""
    own_loss: bool = False
    """The loss is the model's own, in all splits, and not that of the task."""
    config: dict[str, Any] = field(default_factory=dict)
    """The hyperparameters; empty in logs of earlier versions."""
    mode: str = ""
    """How steps run: "eager", "graph", "graph + compile", "tf.function"; "" where the backend does not tell."""


@dataclass(frozen=True)
class Trained(Event):
    """Steps were trained. Columns of equal length, one value a bucket of steps; `steps` is each bucket's last step
    (counted from 1); `loss` and metrics are means over the bucket's samples, `loss_min`/`loss_max` over its steps.
    Of the `seconds`, `data_seconds` went into getting batches; None where that is not known."""

    type: ClassVar[str] = "trained"
    epoch: int
    steps: list[int]
    loss: list[float]
    loss_min: list[float]
    loss_max: list[float]
    metrics: dict[str, list[float]]
    lr: list[float]
    seconds: float
    samples_per_second: float
    data_seconds: float | None = None


@dataclass(frozen=True)
class EpochEnded(Event):
    """An epoch's steps are done. `epoch` counts from 1; `train` are means over the epoch's samples (loss, accuracy);
    `seconds` is training time only."""

    type: ClassVar[str] = "epoch_ended"
    epoch: int
    step: int
    train: dict[str, float]
    lr: float
    seconds: float
    samples_per_second: float


@dataclass(frozen=True)
class Evaluated(Event):
    """A whole split was evaluated after `epoch` (1-based) epochs. `best`: the best so far on the monitor. `metrics` are
    shown everywhere; `more` are the task's further metrics, shown where they are asked for."""

    type: ClassVar[str] = "evaluated"
    split: str
    epoch: int
    step: int
    metrics: dict[str, float]
    seconds: float
    best: bool = False
    more: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckpointSaved(Event):
    """A checkpoint is on disk; `name` is its folder."""

    type: ClassVar[str] = "checkpoint_saved"
    name: str
    epoch: int
    step: int
    best: bool
    bytes: int


@dataclass(frozen=True)
class CommandObeyed(Event):
    """A command took effect before step `step` (counted from 0), or did not where `action` is "ignored". The reason
    is in the log line before it. `action` is else pause, resume, stop, checkpoint, set, kill (it ended an attempt),
    extend (`epochs` were added) or fit (`max_time` has room for `total` steps)."""

    type: ClassVar[str] = "command_obeyed"
    id: str
    action: str
    arguments: dict[str, Any]
    epoch: int
    step: int
    by: str
    sent: float


@dataclass(frozen=True)
class Logged(Event):
    """A line for the user; `level` is info, warning or error."""

    type: ClassVar[str] = "log"
    level: str
    text: str


@dataclass(frozen=True)
class RunEnded(Event):
    """The attempt is over. `status`: finished, stopped, preempted, failed or interrupted (a rank was lost); `reason` is
    one sentence; `error` names the exception's type when it failed, `remedy` holds what to try instead:
    hyperparameters, or another `dataset`; `weights_sha256` is of the weights that gave the test result; `refused`: it
    failed before its first step, by the model or the data itself."""

    type: ClassVar[str] = "run_ended"
    status: str
    reason: str
    error: str | None
    epoch: int
    step: int
    seconds: float
    train_seconds: float
    weights_sha256: str | None = None
    remedy: dict[str, Any] = field(default_factory=dict)
    refused: bool = False


EVENTS: dict[str, type[Event]] = {
    cls.type: cls
    for cls in (AttemptStarted, Trained, EpochEnded, Evaluated, CheckpointSaved, CommandObeyed, Logged, RunEnded)
}


def from_json(record: dict[str, Any]) -> Event | None:
    """The event of a log record, or None for a type this version does not know or a record that lacks a field.

    Unknown fields are dropped, so that an older dltui reads a newer log of the same format.
    """
    cls = EVENTS.get(str(record.get("type")))
    if cls is None:
        return None
    known = {f.name for f in fields(cls)}
    try:
        return cls(**{key: value for key, value in record.items() if key in known})
    except TypeError:
        return None
