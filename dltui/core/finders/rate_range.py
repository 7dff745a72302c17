"""The learning rates that a range test tries, and in how many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec

LOWEST, HIGHEST = 1e-6, 10.0


@dataclass(frozen=True)
class RateRange:
    """The range of a test: `steps` from rate `lowest` to `highest`; 0 steps are as many as take seconds to a minute. An
    end that is None is the usual one, or the last that the model may have.
    """

    steps: int = 0
    lowest: float | None = None
    highest: float | None = None


WHOLE_RANGE = RateRange()


def ends(extent: RateRange, field: FieldSpec | None) -> tuple[float, float]:
    """The lowest and the highest rate of a test: the usual ends move to those that `field`, the learning rate of the
    model, may have. Raises UsageError for other ends beyond these, and for what is no range.
    """
    least, most = (-math.inf, math.inf) if field is None else _bounds(field)
    lowest = max(LOWEST, least) if extent.lowest is None else extent.lowest
    highest = min(HIGHEST, most) if extent.highest is None else extent.highest
    if not 0 < lowest < highest < math.inf:
        raise UsageError(
            f"the lowest rate {lowest:g} must be above 0 and below the highest, {highest:g}, which is finite"
        )
    if field is not None and not least <= lowest < highest <= most:
        raise UsageError(f"rates from {lowest:g} to {highest:g} cannot all be trained with: {field.range_text()}")
    return lowest, highest


def _bounds(field: FieldSpec) -> tuple[float, float]:
    """The least and the greatest number that a field may have."""
    least, most = [-math.inf], [math.inf]
    if field.minimum is not None:
        least.append(field.minimum)
    if field.exclusive_minimum is not None:
        least.append(math.nextafter(field.exclusive_minimum, math.inf))
    if field.maximum is not None:
        most.append(field.maximum)
    if field.exclusive_maximum is not None:
        most.append(math.nextafter(field.exclusive_maximum, -math.inf))
    return max(least), min(most)
