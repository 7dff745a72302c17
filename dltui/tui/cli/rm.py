"""`dltui rm`: delete runs for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dltui.core.errors import RunError
from dltui.tui.cli import completion
from dltui.tui.cli.control import open_run
from dltui.tui.cli.terminal import is_terminal, say, visible

if TYPE_CHECKING:
    from dltui.core.rundir import RunDirectory


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completion.runs)
@click.option("--yes", is_flag=True, help="do not ask")
def rm(runs: tuple[str, ...], yes: bool) -> int:
    """Delete runs with their checkpoints; figures in the exports folder stay."""
    from dltui.core import trash

    chosen = [open_run(text).directory for text in runs]
    for run in chosen:
        trash.check(run)
    names = ", ".join(run.id for run in chosen)
    if not yes and is_terminal() and not click.confirm(visible(f"delete {names} for good?")):
        return 0
    for run in chosen:
        delete(run)
        say(f"{run.id} deleted")
    return 0


def delete(run: RunDirectory) -> None:
    """Raises RunError when it cannot be deleted, UsageError for a live run or one that is not in this home."""
    from dltui.core import trash

    # Out of the list first, so that a deletion that is cut short leaves no half run.
    place = trash.discard(run)
    trash.empty([place])
    if place.exists():
        raise RunError(f"cannot delete all of {run.id}: the rest lies in {place}")
