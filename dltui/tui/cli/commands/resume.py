"""`dltui resume`: go on with a run; says why it ended, what is restored and what differs from the last attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dltui.core.errors import UsageError
from dltui.tui.cli import completion
from dltui.tui.cli.follow.sending import open_run, order, settle
from dltui.tui.cli.output import say

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--more-epochs",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="N epochs beyond those planned so far, also of a finished run; the schedule goes through them once more",
)
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
def resume(run: str | None, more_epochs: int | None, detach: bool, plain: bool, as_json: bool) -> int:
    """Go on with a run, the latest by default: un-pauses one that is paused, restarts one that has ended.

    It goes on from its last checkpoint, in the middle of an epoch if need be; the curve stays one curve. Epochs that
    are added have a schedule of their own: constant stays as it is, cosine and one-cycle begin again (a warm restart),
    and what was trained before is not changed by it.
    """
    reader = open_run(run)
    status = reader.status()
    name = reader.directory.id
    if status.name == "paused" and more_epochs is None:
        done = order(reader, "resume", {})
        settle(reader, "paused", False)
        say(f"{name} goes on at step {done['step']:,}; watch it with: dltui attach {name}")
        return 0
    if not status.over and more_epochs is not None:
        raise UsageError(f"{name} is {status.name}: epochs can be added when it has ended; or stop it first")
    return _restart(reader, more_epochs or 0, detach, plain, as_json)


def _restart(reader: RunReader, more_epochs: int, detach: bool, plain: bool, as_json: bool) -> int:
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.lifecycle.resume import prepare
    from dltui.tui.cli.launch import start

    catalog = load_catalog(plugins=list(reader.run.get("plugins", [])))
    found = prepare(reader, catalog, more_epochs)
    if not as_json:
        for line in found.lines(reader.directory.id):
            say(line)
        if more_epochs:
            say(f"goes on to epoch {found.planned + more_epochs}: {found.done} of {found.planned} are done")
    options = start.Options(command=(), detach=detach, plain=plain, as_json=as_json)
    return start.carry_out(reader.directory, options, more_epochs)
