"""The errors that a user can cause: a single line with the problem, the place, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DltuiError(Exception):
    """Base of all expected errors. `str(error)` is the line to show; `exit_code` is the program's exit code."""

    exit_code = 1


class UsageError(DltuiError):
    """A wrong use: nothing was started and no run is left behind (exit code 2)."""

    exit_code = 2


class DataError(UsageError):
    """Data that cannot be used, whatever is trained on it."""


class RunError(DltuiError):
    """A failure of the run itself, which stays in the run directory as `failed` with this reason (exit code 1).

    `remedy` are hyperparameters to try instead, like {"lr": 0.01}, or another "dataset".
    """

    exit_code = 1

    def __init__(self, message: str, remedy: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.remedy = dict(remedy or {})


class PluginError(DltuiError):
    """A plugin that cannot be used; the others can."""

    exit_code = 2


class NewerFormatError(DltuiError):
    """A run directory written by a newer dltui."""

    exit_code = 2
