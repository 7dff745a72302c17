"""`dltui rm`: delete runs for good."""

from __future__ import annotations

import click

from dltui.core.lifecycle.trash import delete
from dltui.tui.cli import completion
from dltui.tui.cli.follow.sending import open_run
from dltui.tui.cli.output import is_terminal, say, visible


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completion.runs)
@click.option("--yes", is_flag=True, help="do not ask")
def rm(runs: tuple[str, ...], yes: bool) -> int:
    """Delete runs with their checkpoints; figures in the exports folder stay."""
    from dltui.core.lifecycle import trash
    from dltui.core.rundir import lock

    chosen = [open_run(text).directory for text in runs]
    for run in chosen:
        if trash.status_of(run).over and lock.is_held(run.lock_path):
            say(f"{run.id} has ended, its worker still draws the figures: waiting for it")
            trash.wait(run)
        trash.check(run)
    names = ", ".join(run.id for run in chosen)
    if not yes and is_terminal() and not click.confirm(visible(f"delete {names} for good?")):
        return 0
    for run in chosen:
        delete(run)
        say(f"{run.id} deleted")
    return 0
