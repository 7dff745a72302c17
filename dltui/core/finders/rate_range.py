"""The learning rates that a range test tries, and in how many steps."""

from __future__ import annotations

from dataclasses import dataclass

LOWEST, HIGHEST = 1e-6, 10.0


@dataclass(frozen=True)
class RateRange:
    """The range of a test: `steps` from rate `lowest` to `highest`; 0 steps are as many as take seconds to a minute."""

    steps: int = 0
    lowest: float = LOWEST
    highest: float = HIGHEST


WHOLE_RANGE = RateRange()
