"""`dltui rm`: delete runs for good."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from dltui.core.errors import RunError, UsageError
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
    from dltui.core.paths import runs_dir

    chosen = []
    for text in runs:
        reader = open_run(text)
        status = reader.status()
        if not status.over:
            raise UsageError(f"{reader.directory.id} is {status.name}; first: dltui stop {reader.directory.id}")
        if reader.directory.path.resolve().parent != runs_dir().resolve():
            raise UsageError(f"{reader.directory.path} is not in {runs_dir()}: delete it yourself")
        chosen.append(reader.directory)
    names = ", ".join(run.id for run in chosen)
    if not yes and is_terminal() and not click.confirm(visible(f"delete {names} for good?")):
        return 0
    for run in chosen:
        delete(run)
        say(f"{run.id} deleted")
    return 0


def delete(run: RunDirectory) -> None:
    """Raises RunError when it cannot be deleted."""
    try:
        # Out of the list first, so that a deletion that is cut short leaves no half run.
        hidden = run.path.with_name(f".deleted-{run.path.name}")
        run.path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise RunError(f"cannot delete {run.path}: {error.strerror}") from error
