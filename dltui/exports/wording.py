"""Formats numbers for figures."""

from __future__ import annotations

import math


def decimal_percent(value: float, digits: int = 2) -> str:
    """A fraction in percent: 0.9177 -> "91.77 %"."""
    return "not a number" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def likelihood(value: float) -> str:
    """A probability in percent: never a rounded 100 % for less."""
    if value >= 0.9995:
        return "> 99.9 %" if value < 1 else "100 %"
    return f"{100 * value:.1f} %"


def number(value: float, digits: int = 4) -> str:
    """A number with a few significant digits, without an exponent where possible."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{value:.{digits - 1}e}" if size < 1e-4 or size >= 10 ** max(6, digits) else f"{value:.{digits}g}"
    return text.replace("-", "−")
