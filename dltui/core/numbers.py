"""Formats values, numbers, times and sizes; the same in commands, files, lines, screens and figures."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable
from typing import Any

UNITS = ("B", "kB", "MB", "GB", "TB")


def exact(value: object) -> str:
    """A value as it is typed, to the last digit: `0.05`, `128`, `yes`, `one-cycle`, `64,32`; `-` for None.

    For commands and files: a field reads an equal value back.
    """
    return _written(value, _every_digit)


def rounded(value: object) -> str:
    """A value like `exact`, with six digits at most, for display only."""
    return _written(value, lambda number: f"{number:g}")


def _written(value: object, number: Callable[[float], str]) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ",".join(_written(item, number) for item in value)
    return number(value) if isinstance(value, float) else str(value)


def _every_digit(number: float) -> str:
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def duration(seconds: float) -> str:
    """A duration: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


_DAY, _WEEK, _YEAR = 86_400, 7 * 86_400, 365 * 86_400


def age(seconds: float) -> str:
    """A duration in its largest unit, in three letters for columns: `12s`, `4m`, `2h`, `3d`; from 100 days on in weeks,
    from 100 weeks on in years.
    """
    long = ((_YEAR, "y", 100 * _WEEK), (_WEEK, "w", 100 * _DAY))
    for size, letter, least in (*long, (_DAY, "d", _DAY), (3600, "h", 3600), (60, "m", 60)):
        if seconds >= least:
            return f"{int(seconds // size)}{letter}"
    return f"{max(int(seconds), 0)}s"


def metric(name: str, value: float | None) -> str:
    """A metric's value: accuracies in percent, everything else with four significant digits."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:g}"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3e}"


def output(value: float) -> str:
    """Six digits of an output, which is a float32; all of a whole number, and of one that has more digits, as an offset
    gives them.
    """
    if abs(value) < 1e15 and value.is_integer():
        return f"{value:.0f}"
    is_float32 = not abs(value) < 3e38 or struct.unpack("f", struct.pack("f", value))[0] == value
    return f"{value:.6g}" if is_float32 else f"{value:.15g}"


def size(count: float) -> str:
    """A number of bytes in decimal units: `31 MB`."""
    for name in UNITS:
        if count < 1000 or name == UNITS[-1]:
            return f"{count:.1f} {name}" if count < 10 and name != "B" else f"{count:.0f} {name}"
        count /= 1000
    raise AssertionError("unreachable")


def count(number: float) -> str:
    """A number with thousands separators, `15,100`; below ten with one decimal."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def percent(fraction: float) -> str:
    """A fraction in whole percents; 100 % only for 1."""
    return f"{min(math.floor(100 * fraction + 1e-9), 100)} %"


def no_number(word: str) -> float:
    """Refuse a NaN or infinity as `parse_constant` of JSON: they are no JSON, this program never writes them, and
    computing with them would fail later. Raises ValueError.
    """
    raise ValueError(f"{word} is not a number")


def plain_json(value: Any) -> Any:
    """A value without NaN and infinities, which JSON lacks; a file of another user may hold them as a number like
    1e999, or a whole number of that size.
    """
    if isinstance(value, (int, float)):
        return value if abs(value) <= sys.float_info.max else None
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    return [plain_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def ordinal(number: int) -> str:
    """A number as `1st`, `2nd`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def finite(value: float | str, instead: float = 0.0) -> float:
    """The number, or `instead` of one that is infinite or NaN. Raises ValueError for a text that is none."""
    found = float(value)
    return found if math.isfinite(found) else instead


def is_whole(text: str, most: int) -> bool:
    """True if the text is a whole number from 1 to `most` in plain digits."""
    digits = text.strip()
    # Python refuses to read numbers of thousands of digits.
    few = digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))
    return few and 1 <= int(digits) <= most
