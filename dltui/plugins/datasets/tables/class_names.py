"""Names classes by the texts that stand for them in tables, archives and label files."""

from __future__ import annotations

EXACT = 2**53
"""A float holds every whole number below this one."""


def class_name(text: str, number: float | None) -> str:
    """The name of the class that a text stands for; `number` is its value, None where it is no number. "1" and "1.0"
    are one class; the numbers of two ids are never rounded to the same one.
    """
    digits = text.lstrip("+-")
    # A leading zero belongs to a code.
    if number is None or (len(digits) > 1 and digits[0] == "0" and digits[1].isdecimal()):
        return text
    if digits.isdecimal():
        return str(int(text))
    if abs(number) >= EXACT:
        return text
    return str(int(number)) if number.is_integer() else repr(number)
