"""Which cases of a test run each time, and which only with `--long`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few(values: Iterable[Any], keep: int) -> list[Any]:
    """The first `keep` cases always; the others, which show the same of more, with `--long`."""
    found = list(values)
    return [*found[:keep], *(pytest.param(value, marks=pytest.mark.long) for value in found[keep:])]
