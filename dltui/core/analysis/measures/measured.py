"""Names what a run measures, such as `validation.accuracy` or `step_us`, and finds its values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.reading.summary import step_micros, training_speed
from dltui.core.text import clean_line, suggest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltui.core.reading.history import EpochRecord, History

SPLITS = ("validation", "train", "test")
USUAL = ("validation.accuracy", "validation.loss", "test.accuracy", "test.loss", "train.accuracy", "train.loss")
FIGURES: dict[str, Callable[[History], float | None]] = {
    "step_us": step_micros,
    "samples_per_second": training_speed,
    "train_seconds": lambda history: history.train_seconds if history.epochs else None,
    "parameters": lambda history: history.attempt.parameters if history.attempt else None,
}
"""The figures of a run that belong to no split."""
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")


def number(text: str) -> float | None:
    """The number of `0.92`, `92%` or `1e-3`; None for another text, and for NaN and infinities."""
    text = text.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def check_name(name: str, others: tuple[str, ...]) -> str:
    """The name, when it is SPLIT.METRIC or one of the `others`. Raises UsageError with what was meant."""
    split, dot, metric = name.partition(".")
    if name in others or (split in SPLITS and metric):
        return name
    hint = "" if f"validation.{name}" in USUAL else suggest(name, (*USUAL, *others))
    if not hint and not dot and _NAME.fullmatch(name):
        hint = f"did you mean validation.{name}?"
    if not hint and metric:
        hint = suggest(split, SPLITS) or f"the splits are {', '.join(SPLITS)}"
    raise UsageError(f'no measure "{clean_line(name, 60)}"; {hint or "names are those like validation.accuracy"}')


def unknown(name: str, history: History) -> str:
    """A line about a metric that the run does not measure; "" while that is not known."""
    split, _, metric = name.partition(".")
    epochs = [record for record in history.epochs.values() if record.validation]
    if split not in SPLITS or not epochs:
        return ""
    known = _known(history, epochs[-1])
    if metric in known[split]:
        return ""
    names = ", ".join(f"{one}.{word}" for one in SPLITS for word in known[one])
    hint = suggest(metric, known[split], f"{split}.") or f"it measures {clean_line(names, 200)}"
    return f'the run does not measure "{clean_line(name, 60)}"; {hint}'


def _known(history: History, epoch: EpochRecord) -> dict[str, Mapping[str, float]]:
    """The metrics of each split; before the test they are those of the validation."""
    validation = of_epoch(epoch, "validation") | dict.fromkeys(history.more_names, math.nan)
    return {"validation": validation, "train": epoch.train, "test": of_test(history) or validation}


def of_epoch(epoch: EpochRecord, split: str) -> dict[str, float]:
    """The metrics of an epoch on the validation split, or on the training data."""
    return {**epoch.validation, **epoch.more} if split == "validation" else epoch.train


def of_test(history: History) -> dict[str, float]:
    """The metrics of the test split; none before its evaluation."""
    return {**history.test["metrics"], **history.test["more"]} if history.test else {}


def value(name: str, history: History) -> float | None:
    """The value of a run: of a metric that at its best epoch, of the test split the result; None where there is none
    yet.
    """
    if name in FIGURES:
        return FIGURES[name](history)
    split, _, metric = name.partition(".")
    if split == "test":
        return of_test(history).get(metric)
    return of_epoch(history.best, split).get(metric) if history.best else None
