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
    """The lowest and the highest rate of a test: the usual ends move to the bounds of `field`, the learning rate of the
    model. Raises UsageError for other ends beyond these, and for what is no range.
    """
    least, most = _bounds(field)
    lowest = max(LOWEST, least) if extent.lowest is None else extent.lowest
    highest = min(HIGHEST, most) if extent.highest is None else extent.highest
    if not 0 < lowest < highest < math.inf:
        raise UsageError(
            f"the lowest rate {lowest:g} must be above 0 and below the highest, {highest:g}, which is finite"
        )
    if field is not None and not least <= lowest < highest <= most:
        raise UsageError(f"rates from {lowest:g} to {highest:g} cannot all be trained with: {field.range_text()}")
    return lowest, highest


def accepted(field: FieldSpec | None) -> tuple[float, float]:
    """The least and the greatest rate that a run may have."""
    least, most = _bounds(field)
    if field is not None and least == field.exclusive_minimum:
        least = math.nextafter(least, math.inf)
    if field is not None and most == field.exclusive_maximum:
        most = math.nextafter(most, -math.inf)
    return least, most


def _bounds(field: FieldSpec | None) -> tuple[float, float]:
    """The bounds of a field, be they among its values or not."""
    if field is None:
        return -math.inf, math.inf
    least = [bound for bound in (field.minimum, field.exclusive_minimum) if bound is not None]
    most = [bound for bound in (field.maximum, field.exclusive_maximum) if bound is not None]
    return max(least, default=-math.inf), min(most, default=math.inf)
