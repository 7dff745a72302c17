"""`dltui rm`: delete runs for good, or restore runs that were deleted on the screen."""

from __future__ import annotations

import click

from dltui.core.errors import UsageError
from dltui.core.text import clean_line
from dltui.tui.cli import completion
from dltui.tui.cli.follow import deleting
from dltui.tui.cli.follow.sending import each_once, is_named, open_run
from dltui.tui.cli.output import confirmed, say


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN...", shell_complete=completion.runs)
@click.option("--yes", is_flag=True, help="do not ask")
@click.option("--undo", is_flag=True, help="bring back RUNs deleted with d on the screen, by default the last ones")
def rm(runs: tuple[str, ...], yes: bool, undo: bool) -> int:
    """Delete runs with their checkpoints; figures in the exports folder stay. Those that were deleted on the screen
    can come back for 24 hours."""
    from dltui.core.hosts import address
    from dltui.core.lifecycle import trash
    from dltui.core.rundir import lock

    if undo:
        say(f"{', '.join(trash.undo(runs))} brought back")
        return 0
    if not runs:
        raise UsageError("rm needs a RUN; `dltui runs` lists them")
    for text in runs:
        if (far := address.elsewhere(text)) is not None:
            raise UsageError(f"{clean_line(text, 80)} is a run of another host; {address.delete_there(*far)}")
    found = {text: open_run(text).directory for text in runs}
    chosen = each_once(found.values())
    for run in chosen:
        if trash.status_of(run).over and lock.is_held(run.lock_path):
            say(f"{run.id} has ended, its worker still draws the figures: waiting for it")
            trash.wait(run)
        trash.check(run)
    names = ", ".join(run.id for run in chosen)
    named = all(is_named(run, text) for text, run in found.items())
    if not confirmed(f"delete {names} for good?", named, yes):
        return 0
    return 1 if deleting.delete(chosen) else 0
