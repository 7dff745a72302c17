"""Limits on how much worse than a baseline a run may be, as in `validation.accuracy -0.5%`: pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltui.core.analysis.measures import measured
from dltui.core.errors import UsageError
from dltui.core.numbers import rounded
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

EXAMPLE = "validation.accuracy -0.5%"
_FORM = re.compile(r"\s*([^\s+\-]\S*?)\s*([+-])\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*(%?)\s*", re.IGNORECASE)
_TOLERANCE = 1e-12
"""Rounding errors of a change that is exactly the limit."""


@dataclass(frozen=True)
class Limit:
    """A limit on the change of a measure. `most` is the largest that is allowed, in the direction of `sign`; with
    `relative` a fraction of the baseline's value.
    """

    name: str
    sign: int
    most: float
    relative: bool
    text: str


@dataclass(frozen=True)
class Failure:
    """A run that exceeds a limit, or has no value to judge (`value` or `baseline` is None)."""

    limit: str
    run: str
    baseline: float | None
    value: float | None
    line: str


def parse(text: str) -> Limit:
    """The limit of a text. Raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(f"--fail-if wants NAME -X% or NAME +X, as in {EXAMPLE!r}, got {clean_line(text, 80)!r}")
    name = measured.check_name(found[1], tuple(measured.FIGURES))
    relative = bool(found[4])
    most = float(found[3]) / (100 if relative else 1)
    if name.endswith("accuracy") and not relative and most >= 1:
        change = f"{found[2]}{found[3]}"
        raise UsageError(f"{name} is from 0 to 1, so that {change} allows anything; did you mean {change}%?")
    said = f"{name} {found[2]}{found[3]}{found[4]}"
    return Limit(name, 1 if found[2] == "+" else -1, most, relative, clean_line(said, 100))


def check(limits: Iterable[Limit], readers: Sequence[RunReader]) -> list[Failure]:
    """The limits that runs exceed; the first run is the baseline of all others. Raises UsageError for a metric that
    a run does not measure.
    """
    failures = []
    for limit in limits:
        for reader in readers:
            problem = measured.unknown(limit.name, reader.history)
            if problem:
                raise UsageError(f"{clean_line(reader.directory.id, 100)}: {problem}")
        failures += [found for reader in readers[1:] if (found := _exceeds(limit, readers[0], reader))]
    return failures


def _exceeds(limit: Limit, first: RunReader, other: RunReader) -> Failure | None:
    names = [clean_line(reader.directory.id, 100) for reader in (first, other)]
    values = [measured.value(limit.name, reader.history) for reader in (first, other)]
    before, now = (value if value is not None and math.isfinite(value) else None for value in values)
    if before is None or now is None:
        line = f"{names[before is not None]} has no {limit.name}"
        return Failure(limit.text, names[1], before, now, f"{line}: nothing shows that {limit.text!r} holds")
    change = (now - before) * limit.sign
    allowed = limit.most * abs(before) if limit.relative else limit.most
    if change <= allowed + _TOLERANCE * max(abs(before), abs(now)):
        return None
    told = f"{100 * (now - before) / abs(before):+.3g} %" if limit.relative and before else f"{now - before:+.4g}"
    line = f"{limit.name} of {names[1]} is {rounded(now)}, of {names[0]} {rounded(before)}: {told}"
    return Failure(limit.text, names[1], before, now, f"{line}; allowed is {limit.text.rpartition(' ')[2]}")
