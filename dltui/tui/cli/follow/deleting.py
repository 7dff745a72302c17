"""Deletes runs for good; one that cannot be deleted keeps none of the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dltui.core.errors import DltuiError
from dltui.tui.cli.output import say, warn

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory


def delete(runs: Iterable[RunDirectory], quiet: bool = False) -> dict[RunDirectory, str]:
    """Delete runs, and say so unless `quiet`. Returns those that are left, each with the reason, which is also said on
    standard error.
    """
    from dltui.core.lifecycle import trash

    left: dict[RunDirectory, str] = {}
    for run in runs:
        try:
            trash.delete(run)
        except DltuiError as error:
            warn(f"dltui: {error}")
            left[run] = str(error)
            continue
        if not quiet:
            say(f"{run.id} deleted")
    return left
