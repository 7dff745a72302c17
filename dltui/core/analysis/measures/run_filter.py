"""Finds runs by words and hyperparameters, as in `lr>=0.01 model:cnn tag:thesis -status:failed`: pure functions."""

from __future__ import annotations

import math
import operator
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltui.core.errors import UsageError
from dltui.core.text import clean_line, suggest

ORDERS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
ALIASES = {"tags": "tag", "data": "dataset", "fw": "framework", "state": "status", "epochs_done": "epoch"}
WORDS = ("name", "id", "model", "dataset", "group", "tag", "note")
"""The fields that a word without a name is searched in."""
_TERM = re.compile(r"([A-Za-z_][A-Za-z0-9_.\-]*)(>=|<=|!=|:|=|>|<)(.*)", re.DOTALL)
_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off")


@dataclass(frozen=True)
class Term:
    """A condition. `relation` is ":" (contains), "=", "!=", ">", ">=", "<" or "<="; an empty `name` means any text."""

    name: str
    relation: str
    value: str
    negative: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a filter text, all of which must hold; none for an empty text. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise UsageError(f"a quote is not closed in the filter {clean_line(text, 80)}") from None
    return tuple(_term(word) for word in words)


def _term(word: str) -> Term:
    negative = len(word) > 1 and word.startswith("-")
    found = _TERM.fullmatch(word[1:] if negative else word)
    if found is None:
        return Term("", ":", word[1:] if negative else word, negative)
    name, relation, value = found.groups()
    if not value:
        raise UsageError(f"{clean_line(word, 60)} in the filter wants a value, as in lr>=0.01 or model:cnn")
    if relation in ORDERS and _number(value) is None:
        raise UsageError(f"{clean_line(word, 60)} in the filter wants a number after {relation}")
    name = name.lower().replace("-", "_")
    return Term(ALIASES.get(name, name), relation, value, negative)


def facts(row: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The searchable values of a run, by name: `row` is its summary, `run` its run.json. Hyperparameters and dataset
    options go by their own names; accuracies are fractions of 1.
    """
    known = ("id", "name", "status", "framework", "dataset", "device", "host", "epoch", "epochs", "best", "seed")
    said = {name: row.get(name) for name in (*known, "group", "parent", "note")}
    said |= {"model": row.get("model") or run.get("model"), "tag": list(row.get("tags") or [])}
    chosen = {**(run.get("dataset_options") or {}), **(run.get("config") or {})}
    return {**chosen, **{name: value for name, value in said.items() if value is not None}}


def matches(terms: Iterable[Term], known: Mapping[str, Any]) -> bool:
    """True if a run with these facts meets all terms. A term on a missing value fails, so its negation holds."""
    return all(_holds(term, known) is not term.negative for term in terms)


def unknown(terms: Iterable[Term], runs: Sequence[Mapping[str, Any]]) -> str:
    """A one-line message about a name that no run has, or ""."""
    choices = {name for known in runs for name in known}
    for term in terms:
        if term.name and term.name not in choices:
            hint = suggest(term.name, choices) or "names are those of hyperparameters, model, dataset, host, tag"
            return f"no run has {clean_line(term.name, 40)}; {hint}"
    return ""


def _holds(term: Term, known: Mapping[str, Any]) -> bool:
    if not term.name:
        return any(_contains(known.get(name), term.value) for name in WORDS)
    value = known.get(term.name)
    if term.relation == "!=":
        return value is not None and not _equal(value, term.value)
    if term.relation == "=":
        return _equal(value, term.value)
    if term.relation == ":":
        return _equal(value, term.value) if _is_number(value) else _contains(value, term.value)
    bound = _number(term.value)
    return _is_number(value) and bound is not None and ORDERS[term.relation](float(value), bound)  # type: ignore[arg-type]


def _contains(value: object, part: str) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_contains(item, part) for item in value)
    if isinstance(value, bool):
        return _equal(value, part)
    return value is not None and part.casefold() in str(value).casefold()


def _equal(value: object, text: str) -> bool:
    if isinstance(value, bool):
        return text.lower() in (_TRUE if value else _FALSE)
    if _is_number(value):
        number = _number(text)
        return number is not None and math.isclose(float(value), number, rel_tol=1e-9)  # type: ignore[arg-type]
    if isinstance(value, (list, tuple)):
        parts = text.split(",")
        whole = len(parts) == len(value) and all(_equal(item, part) for item, part in zip(value, parts, strict=True))
        return whole or any(isinstance(item, str) and _equal(item, text) for item in value)
    return value is not None and str(value).casefold() == text.casefold()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
