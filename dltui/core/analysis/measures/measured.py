"""Names what a run measures, such as `validation.accuracy` or `step_us`, and finds its values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.reading.summary import step_micros, training_speed
from dltui.core.tasks.monitor import LOSS
from dltui.core.tasks.registry import TASKS, task_of
from dltui.core.text import clean_line, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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
    split, _, metric = name.partition(".")
    if name in others or (split in SPLITS and metric):
        return name
    hint = "" if f"validation.{name}" in USUAL else suggest(name, (*USUAL, *others))
    if not hint and any(name in task.names for task in TASKS.values()):
        hint = f"did you mean validation.{name}?"
    if not hint and metric:
        hint = suggest(split, SPLITS) or f"the splits are {', '.join(SPLITS)}"
    raise UsageError(f'no measure "{clean_line(name, 60)}"; {hint or "names are those like validation.accuracy"}')


def unknown(name: str, history: History) -> str:
    """A line about a metric that the run does not measure; "" while that is not known."""
    split, _, metric = name.partition(".")
    known = _known(history)
    if split not in SPLITS or not known["validation"] or not known[split] or metric in known[split]:
        return ""
    names = ", ".join(f"{one}.{word}" for one in SPLITS for word in known[one])
    hint = suggest(metric, known[split], f"{split}.") or f"it measures {clean_line(names, 200)}"
    return f'the run does not measure "{clean_line(name, 60)}"; {hint}'


def _known(history: History) -> dict[str, tuple[str, ...]]:
    """The names of the metrics of each split in any epoch: some may be missing in the last. The test has those of the
    validation, and before its result all that it could have.
    """
    epochs = history.epochs.values()
    validation, train = (
        tuple(dict.fromkeys(name for record in epochs for name in of_epoch(record, split)))
        for split in ("validation", "train")
    )
    of_result = tuple(of_test(history)) or _planned(history, validation)
    return {"validation": validation, "train": train, "test": tuple(dict.fromkeys((*validation, *of_result)))}


def _planned(history: History, validation: Collection[str]) -> tuple[str, ...]:
    """The metrics that the test of a run may have beside those of the validation: of a large split some are measured
    in the test alone.
    """
    attempt = history.attempt
    task = task_of(attempt.dataset.get("task") if attempt else None)
    # The log of an earlier version does not tell it.
    mirrored = attempt is None or attempt.config.get("mirror_test", True)
    # What the mirrored images have of a model's own are its metrics: it measures no loss of theirs.
    own = [name for name in validation if name not in task.names]
    names = [metric.name for metric in task.metrics if not (metric.name == LOSS and history.own_loss)]
    return (*task.names, *(f"mirrored_{name}" for name in (*names, *own) if mirrored))


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
