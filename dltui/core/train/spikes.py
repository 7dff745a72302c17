"""Detects a loss that jumps: a warning with its step, never an action."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

WINDOW = 64
LEAST = 20
"""So many steps must have been seen before anything counts as unusual."""
FACTOR = 10.0
QUIET_STEPS = 200
"""After a warning, so that a run that diverges does not fill its log."""


class Spikes:
    """Detects spikes by comparing each step's loss with the median of the losses before it, and with the `first` such
    median of the run: near zero a single hard sample is ten times the rest without meaning. Of losses that are not
    positive no factor means anything: they have no spikes.
    """

    def __init__(self, first: float | None = None) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self.first = first
        self._quiet_until = 0

    def look(self, step: int, losses: Array) -> str:
        """A warning, or "": `losses` are those of the steps after `step`."""
        told = ""
        if len(self._recent) >= LEAST and step >= self._quiet_until:
            usual = float(np.median(self._recent))
            self.first = usual if self.first is None else self.first
            at = int(np.argmax(losses))
            highest = float(losses[at])
            if min(usual, self.first) > 0 and highest > max(FACTOR * usual, self.first):
                self._quiet_until = step + QUIET_STEPS
                told = f"loss spike at step {step + at + 1:,}: {highest:.4g}, before it {usual:.4g}"
        self._recent.extend(float(loss) for loss in losses[-WINDOW:])
        return told
