"""Numbers and names as figures show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dltui.core.text import clean_line

LONGEST_NAME = 200


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


def duration(seconds: float) -> str:
    """3.25 -> "3.2 s", 125 -> "2 min 05 s", 7260 -> "2 h 01 min"."""
    whole = round(seconds)
    if whole < 100:
        return f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def names(classes: Sequence[object], size: int) -> list[str]:
    """One clean line for each of `size` classes; a class without a name is its number."""
    found = [clean_line(text, LONGEST_NAME) for text in classes[:size]]
    return [name or str(i) for i, name in enumerate(found)] + [str(i) for i in range(len(found), size)]
