"""The position of a training loop, and a snapshot to continue from."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import plain_json

if TYPE_CHECKING:
    from dltui.core.contract.types import State


@dataclass
class Best:
    """The best epoch so far on the monitor: `epoch` counts from 1, `step` is where its weights were taken. `loss` is
    its validation loss, None where an older version of dltui found it.
    """

    epoch: int
    step: int
    value: float
    loss: float | None = None


@dataclass
class Progress:
    """The state beside the arrays that resuming needs. `epoch` is the number of epochs done; sums run over the samples
    of the epoch in progress; seconds are training time.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    epoch_seconds: float = 0.0
    train_seconds: float = 0.0
    best: Best | None = None
    counted: Best | None = None
    """The last epoch that was enough better for `patience`."""
    first_loss: float | None = None
    """The usual loss of the first steps, below which no loss is a spike."""

    def means(self) -> dict[str, float]:
        """The epoch's metrics so far, averaged over its samples."""
        return {name: value / max(self.samples, 1) for name, value in self.sums.items()}

    def speed(self) -> float:
        """The samples per second of training time in this epoch."""
        return self.samples / max(self.epoch_seconds, 1e-9)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON, in which a number that is not finite is null."""
        found: dict[str, Any] = plain_json(asdict(self))
        return found

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Progress:
        """The inverse of `to_json`; fields that this version does not know are dropped."""
        values = {name: value for name, value in state.items() if name in cls.__dataclass_fields__}
        if "sums" in values:
            values["sums"] = {name: math.nan if value is None else value for name, value in values["sums"].items()}
        for name in ("best", "counted"):
            known = {key: value for key, value in (state.get(name) or {}).items() if key in Best.__dataclass_fields__}
            if known and known.get("value") is None:
                known["value"] = math.nan
            values[name] = Best(**known) if known else None
        return cls(**values)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot to continue from: all arrays of the trainable and the loop's own state (JSON)."""

    step: int
    epoch: int
    state: State
    loop_state: dict[str, Any]
    best: bool
