"""Which cases of a test run each time, and which only with `--long`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def few(values: Iterable[Any], keep: int, long: int | None = None) -> list[Any]:
    """The first `keep` cases always; the others, which show the same of more, with `--long`, or only the next `long` of
    them and the rest with `--longest`.
    """
    found = list(values)
    end = len(found) if long is None else keep + long
    marks = [pytest.mark.long] * (end - keep) + [pytest.mark.longest] * (len(found) - end)
    return [*found[:keep], *(pytest.param(value, marks=mark) for value, mark in zip(found[keep:], marks, strict=True))]


def few_rows(rows: Iterable[tuple[Any, ...]], keep: int) -> list[Any]:
    """As `few` for a test of several arguments: each row has a value for each of them."""
    found = list(rows)
    return [*found[:keep], *(pytest.param(*row, marks=pytest.mark.long) for row in found[keep:])]


def is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--long") or config.getoption("--longest"))


def examples(number: int) -> int:
    """How many examples Hypothesis makes: so many with `--long`, fewer without, more with its profile `long`."""
    return number * settings().max_examples // 100
