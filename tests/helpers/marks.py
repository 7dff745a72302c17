"""Which cases of a test run each time, and which only with `--long`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import settings


def few(values: Iterable[Any], keep: int, long: int | None = None) -> list[Any]:
    """The first `keep` cases always; the others, which show the same of more, with `--long`, or only the next `long` of
    them and the rest with `--longest`.
    """
    found = list(values)
    return [*found[:keep], *(pytest.param(value, marks=mark) for value, mark in _marked(found, keep, long))]


def few_rows(rows: Iterable[tuple[Any, ...]], keep: int, long: int | None = None) -> list[Any]:
    """As `few` for a test of several arguments: each row has a value for each of them."""
    found = list(rows)
    return [*found[:keep], *(pytest.param(*row, marks=mark) for row, mark in _marked(found, keep, long))]


def _marked(found: list[Any], keep: int, long: int | None) -> Iterator[tuple[Any, pytest.MarkDecorator]]:
    """The cases after the first `keep`, each with its mark."""
    end = len(found) if long is None else keep + long
    for number, case in enumerate(found[keep:], start=keep):
        yield case, pytest.mark.long if number < end else pytest.mark.longest


def is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--long") or config.getoption("--longest"))


def examples(number: int) -> int:
    """How many examples Hypothesis makes: so many with `--long`, fewer without, more with its profile `long`."""
    return number * settings().max_examples // 100
