"""Assigns a color and a mark to each run: the same on every chart, on every screen and in every session."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

# Okabe and Ito's colors without the two that mean train and validation; theme.py has their values.
STYLES = ("run-green", "run-purple", "run-yellow", "run-red", "run-violet", "run-plain")
# Beside the color, for letters and for eyes that do not see it.
MARKS = ("x", "+", "#", "%", "@", "&")


class RunInk(NamedTuple):
    """The appearance of a run: a style word and a one-letter mark."""

    style: str
    mark: str


def ink(run: str) -> RunInk:
    """The color and mark that follow from the run's id alone."""
    number = zlib.crc32(run.encode("utf-8", "surrogatepass")) % len(STYLES)
    return RunInk(STYLES[number], MARKS[number])


def inks(runs: Iterable[str]) -> dict[str, RunInk]:
    """The colors and marks of runs shown together: each its own as long as it is free, else the next free color; from
    the seventh run on they repeat. Runs that come later in `runs` change nothing for those before.
    """
    found: dict[str, RunInk] = {}
    for run in dict.fromkeys(runs):
        first = STYLES.index(ink(run).style)
        together = list(found.values())[len(found) // len(STYLES) * len(STYLES) :]
        taken = {one.style for one in together}
        order = ((first + by) % len(STYLES) for by in range(len(STYLES)))
        number = next(number for number in order if STYLES[number] not in taken)
        found[run] = RunInk(STYLES[number], MARKS[number])
    return found
