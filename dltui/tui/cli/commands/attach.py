"""`dltui attach`: watch a run that is training, or look at a run that has ended."""

from __future__ import annotations

import click

from dltui.tui.cli import completion
from dltui.tui.cli.output import is_terminal


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.option("--read-only", is_flag=True, help="only look: the full screen gives no commands")
def attach(run: str | None, plain: bool, as_json: bool, read_only: bool) -> int:
    """Show a run with its whole history: RUN is a name, the start of one, or a path; the latest run by default.

    Leaving never stops the run.
    """
    from dltui.core.rundir.directory import find_run

    found = find_run(run)
    found.run()
    if is_terminal() and not plain and not as_json:
        from dltui.tui.full_screen import run_app

        return run_app(open_run=str(found.path), read_only=read_only)
    from dltui.tui.cli.follow.follow import choose_style, follow

    return follow(found, choose_style(True, as_json))
