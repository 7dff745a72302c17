"""Assigns a color and a mark to each run: the same on every chart, on every screen and in every session."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

# Okabe and Ito's colors without the two that mean train and validation; theme.py has their values.
STYLES = ("run-green", "run-purple", "run-yellow", "run-red", "run-violet", "run-plain")
# Beside the color, for letters and for eyes that do not see it.
MARKS = ("x", "+", "#", "%", "@", "&")
# In their places where the terminal has them.
SIGNS = ("●", "◆", "■", "▲", "▼", "◇")


class RunColor(NamedTuple):
    """The appearance of a run: a style word and a one-letter mark."""

    style: str
    mark: str

    @property
    def sign(self) -> str:
        """The mark where there is more than letters."""
        return SIGNS[MARKS.index(self.mark)]


def run_color(run: str) -> RunColor:
    """The color and mark that follow from the run's id alone."""
    number = zlib.crc32(run.encode("utf-8", "surrogatepass")) % len(STYLES)
    return RunColor(STYLES[number], MARKS[number])


def run_colors(runs: Iterable[str]) -> dict[str, RunColor]:
    """The colors and marks of runs shown together: each its own as long as it is free, else the next free color; from
    the seventh run on they repeat. Runs that come later in `runs` change nothing for those before.
    """
    found: dict[str, RunColor] = {}
    for run in dict.fromkeys(runs):
        first = STYLES.index(run_color(run).style)
        together = list(found.values())[len(found) // len(STYLES) * len(STYLES) :]
        taken = {one.style for one in together}
        order = ((first + by) % len(STYLES) for by in range(len(STYLES)))
        number = next(number for number in order if STYLES[number] not in taken)
        found[run] = RunColor(STYLES[number], MARKS[number])
    return found
