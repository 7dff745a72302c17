"""Numbers as figures show them."""

from __future__ import annotations

import math


def percent(value: float, digits: int = 2) -> str:
    """0.9177 -> "91.77 %"."""
    return "not a number" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def likelihood(value: float) -> str:
    """A probability: never a rounded 100 % for what is less."""
    if value >= 0.9995:
        return "> 99.9 %" if value < 1 else "100 %"
    return f"{100 * value:.1f} %"


def number(value: float, digits: int = 4) -> str:
    """A few significant digits, without an exponent where people need none."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{value:.{digits - 1}e}" if size < 1e-4 or size >= 1e6 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def count(value: int) -> str:
    """12345 -> "12,345"."""
    return f"{value:,}"
