"""What is known of one epoch of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, counted from 1; `validation` is empty and `evaluation_seconds` None until it was evaluated."""

    epoch: int
    step: int
    train: dict[str, float]
    validation: dict[str, float]
    lr: float
    seconds: float
    evaluation_seconds: float | None
    samples_per_second: float
    time: float
