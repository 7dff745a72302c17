"""Suggests what to try after a run has failed: changed hyperparameters or another dataset, and the command line that
applies them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.fields import flag_words
from dltui.core.numbers import rounded
from dltui.core.rundir import confidential
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

DATASET = "dataset"
"""The one key of a remedy that is no hyperparameter."""


@dataclass(frozen=True)
class Suggestion:
    """A suggestion: `words` like "batch size 128", and the `command` that applies it."""

    values: Mapping[str, Any]
    words: str
    command: str
    fork: bool
    """True if it goes on from the last checkpoint, in a fork."""


def suggestion(reader: RunReader) -> Suggestion | None:
    """The suggestion for a run; None when the run did not fail, or no remedy is known.

    With a checkpoint it is a fork from there, the last good state; without one the run's own command, changed.
    """
    ended = reader.history.ended
    known = dict(reader.run.get("config") or {})
    # A fork goes on with the data of its parent.
    known |= {} if reader.history.checkpoints else {DATASET: reader.run.get(DATASET)}
    values = {name: value for name, value in (ended.remedy if ended else {}).items() if name in known}
    if ended is None or ended.status != "failed" or not values:
        return None
    flags = [flag_words(name, value) for name, value in values.items()]
    fork = bool(reader.history.checkpoints)
    if fork:
        words = ["dltui", "fork", reader.directory.id, *(word for flag in flags for word in flag)]
    else:
        words = with_flags(confidential.mask_command(reader.run.get("command") or []), flags)
    told = ", ".join(f"{name.replace('_', ' ')} {rounded(value)}" for name, value in values.items())
    return Suggestion(values, clean_line(told), clean_line(shlex.join(words)), fork)


def with_flags(command: Sequence[str], flags: Sequence[Sequence[str]]) -> list[str]:
    """A command line with these flags, in the place of existing ones; a flag without a value goes last, where
    it wins.
    """
    words = list(command)
    for flag, *value in flags:
        for position, word in enumerate(words):
            if value and word == flag:
                words[position + 1 : position + 2] = value
                break
            if value and word.startswith(f"{flag}="):
                words[position] = f"{flag}={value[0]}"
                break
        else:
            words += [flag, *value]
    return words
