"""Axes: ranges that stay stable while data grow, nice ticks and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
LEAST = 1e-300
"""What a logarithmic axis begins with at the least, and the least span that is cut into parts."""
USUAL_DECIMALS, MOST_DECIMALS = 6, 12


@dataclass(frozen=True)
class Scale:
    """Maps values to fractions of the way from `low` to `high`, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        low, high = self.bounds()
        if self.log:
            value = math.log10(max(value, LEAST))
        return (value - low) / (high - low)

    def bounds(self) -> tuple[float, float]:
        """The ends in the axis's own coordinates."""
        return (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)


def nice_step(span: float, most: int, whole: bool = False) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that cuts the span into at most `most` parts."""
    rough = max(span or 1e-12, LEAST) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in NICE:
        step = factor * power
        if step >= rough * (1 - 1e-9) and (not whole or step == int(step)):
            return step
    return 10 * power if not whole else max(1.0, 10 * power)


def whole_scale(low: float, high: float, most: int, floor: float | None, ceiling: float | None) -> Scale:
    """A scale that ends on ticks, so that it seldom moves; never beyond `floor` and `ceiling`."""
    if not high > low:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = nice_step(high - low, most)
    first = math.floor(low / step + 1e-9) * step
    last = math.ceil(high / step - 1e-9) * step
    # A value beyond them is none of those that they were meant for.
    if floor is not None and first < floor <= low:
        first = floor
    if ceiling is not None and last > ceiling >= high:
        last = ceiling
    # A step that is less than the digits of a number can tell ends nowhere else.
    return Scale(first, last) if last > first else Scale(low, high)


def log_scale(low: float, high: float) -> Scale:
    """A logarithmic scale between steps of 1, 2 and 5 that contains the range."""
    low, high = max(low, LEAST), max(high, LEAST)
    return Scale(_log_nice(low, math.floor), _log_nice(high * 1.0001, math.ceil), log=True)


def _log_nice(value: float, way: object) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    steps = [power * factor for factor in (1, 2, 5, 10)]
    below = [step for step in steps if step <= value * (1 + 1e-9)]
    above = [step for step in steps if step >= value * (1 - 1e-9)]
    return below[-1] if way is math.floor else above[0]


def ticks(scale: Scale, most: int) -> list[float]:
    """Nice values from one end of the scale to the other; at least two, `most` intervals if possible."""
    if scale.log:
        return _log_ticks(scale, most)
    for parts in range(most, most + 4):
        step = nice_step(scale.high - scale.low, parts)
        first = math.ceil(scale.low / step - 1e-9)
        last = math.floor(scale.high / step + 1e-9)
        if last > first:
            break
    return [number * step for number in range(first, last + 1)]


def _log_ticks(scale: Scale, most: int) -> list[float]:
    low, high = (math.floor(bound + 1e-9) for bound in scale.bounds())
    for factors in ((1, 2, 5), (1, 5), (1,)):
        values = [factor * 10.0**power for power in range(low, high + 1) for factor in factors]
        values = [value for value in values if scale.low * 0.999 <= value <= scale.high * 1.001]
        if len(values) <= most + 1:
            return values
    return values[:: max(1, len(values) // max(most, 1))]


def labels(values: Sequence[float]) -> list[str]:
    """The ticks as text, all with the same number of decimals, and each with a text of its own."""
    if not values:
        return []
    largest = max(abs(value) for value in values)
    if largest and not 1e-3 <= largest < 1e5:
        return _scientific(values)
    steps = [abs(b - a) for a, b in pairwise(values)] or [largest or 1.0]
    for decimals in range(_decimals(min(steps)), MOST_DECIMALS + 1):
        texts = [f"{value:.{decimals}f}" for value in values]
        if _differ(texts, values):
            # With more decimals than usual the powers of ten may be shorter.
            ways = [texts, _scientific(values)] if decimals > USUAL_DECIMALS else [texts]
            return min(ways, key=lambda way: max(map(len, way)))
    return _scientific(values)


def _decimals(step: float) -> int:
    """The decimals that a step has, as far as an axis usually has room for them."""
    decimals = 0
    while decimals < USUAL_DECIMALS and abs(round(step, decimals) - step) > step * 1e-3:
        decimals += 1
    return decimals


def _differ(texts: Sequence[str], values: Sequence[float]) -> bool:
    """True if different values have different texts, and only 0 is called 0."""
    named = all(float(text) or not value for text, value in zip(texts, values, strict=True))
    return named and len(set(texts)) == len(set(values))


def _scientific(values: Sequence[float]) -> list[str]:
    """The ticks in powers of ten, with as many digits as they differ in."""
    texts: list[str] = []
    for digits in range(MOST_DECIMALS):
        written = [f"{value:.{digits}e}" if value else "0" for value in values]
        texts = [text.replace("e-0", "e-").replace("e+0", "e") for text in written]
        # Far from 0 many digits are the same.
        if _differ(texts, values):
            break
    return texts


def epoch_ticks(end: float, room: int) -> list[float]:
    """Whole numbers from 0 to the planned end, the end always among them, at least 12 cells apart if possible."""
    step = max(1.0, nice_step(end, max(2, room // 12), whole=end >= 2))
    values = [number * step for number in range(int(end / step + 1e-9) + 1)]
    if values[-1] < end:
        if len(values) > 1 and end - values[-1] < step * 0.6:
            values.pop()
        values.append(end)
    return values


def decade_ticks(start: float, end: float, room: int) -> list[float]:
    """The whole logarithms from `start` to `end`, at least 8 cells apart."""
    first, last = math.ceil(start - 1e-9), math.floor(end + 1e-9)
    step = max(1, math.ceil((last - first) * 8 / max(room, 1)))
    return [float(number) for number in range(first, last + 1, step)]
