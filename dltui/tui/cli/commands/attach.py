"""`dltui attach`: watch a run that is training, or look at a run that has ended."""

from __future__ import annotations

import click

from dltui.tui.cli import completion
from dltui.tui.cli.output import is_terminal


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option("--host", metavar="HOST", help="a run of another host, as HOST:RUN")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.option("--read-only", is_flag=True, help="only look: the full screen gives no commands")
def attach(run: str | None, host: str | None, plain: bool, as_json: bool, read_only: bool) -> int:
    """Show a run with its whole history: RUN is a name, the start of one, or a path; the latest run by default.
    HOST:RUN is a run of another host.

    Leaving never stops the run.
    """
    from dltui.core.hosts import address
    from dltui.tui.cli.follow.sending import found_run

    full = is_terminal() and not plain and not as_json
    name = address.joined(address.check_host(host), run or "") if host else run
    far = address.elsewhere(name)
    if full and far is not None:
        from dltui.tui.full_screen import run_app

        return run_app(open_run=name, read_only=read_only, hosts=[far[0]])
    found = found_run(name)
    found.run()
    if full:
        from dltui.tui.full_screen import run_app

        return run_app(open_run=str(found.path), read_only=read_only)
    from dltui.tui.cli.follow.follow import choose_style, follow

    return follow(found, choose_style(True, as_json))
