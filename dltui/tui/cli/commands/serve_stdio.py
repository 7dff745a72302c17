"""`dltui serve-stdio`: the far side of `dltui --host`. Without a word that it does not know, `dltui.tui.cli.entry` goes
around this module.
"""

from __future__ import annotations

import click


@click.command("serve-stdio")
@click.option("--read-only", is_flag=True, help="only look: no commands, no figures, no new runs")
def serve_stdio(read_only: bool) -> int:
    """Answer the screen of another host over standard input and output, which `dltui --host` starts over ssh.

    No port is opened; whoever can start it can do no more than the commands of dltui. It ends with its connection.
    """
    from dltui.tui.cli.hosts.far_side import serve

    serve(read_only)
