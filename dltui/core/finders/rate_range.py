"""The learning rates that a range test tries, and in how many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec

LOWEST, HIGHEST = 1e-6, 10.0


@dataclass(frozen=True)
class RateRange:
    """The range of a test: `steps` from rate `lowest` to `highest`; 0 steps are as many as take seconds to a minute."""

    steps: int = 0
    lowest: float = LOWEST
    highest: float = HIGHEST


WHOLE_RANGE = RateRange()


def within(extent: RateRange, field: FieldSpec | None) -> RateRange:
    """The range without rates that a run would be refused with: the usual ends move to those that `field`, the learning
    rate of the model, may have. Raises UsageError for other ends beyond these, and for what is no range.
    """
    if not 0 < extent.lowest < extent.highest < math.inf:
        raise UsageError(
            f"the lowest rate {extent.lowest:g} must be above 0 and below the highest, {extent.highest:g}, "
            "which is finite"
        )
    if field is None:
        return extent
    least = max((end for end in (field.minimum, field.exclusive_minimum) if end is not None), default=-math.inf)
    most = min((end for end in (field.maximum, field.exclusive_maximum) if end is not None), default=math.inf)
    lowest = max(extent.lowest, least) if extent.lowest == LOWEST else extent.lowest
    highest = min(extent.highest, most) if extent.highest == HIGHEST else extent.highest
    if not least <= lowest < highest <= most:
        raise UsageError(f"rates from {lowest:g} to {highest:g} cannot all be trained with: {field.range_text()}")
    return replace(extent, lowest=lowest, highest=highest)
