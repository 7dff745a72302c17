"""The metrics that dltui measures: their names, titles and better directions. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of a split. `lowest`: its lowest value is best. `slow`: it takes longer than the end of an epoch should,
    with many samples or classes.
    """

    name: str
    title: str
    lowest: bool = False
    slow: bool = False
