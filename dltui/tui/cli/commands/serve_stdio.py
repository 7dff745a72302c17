"""`dltui serve-stdio`: the far side of `dltui --host`."""

from __future__ import annotations

import os
import sys

import click


@click.command("serve-stdio")
@click.option("--read-only", is_flag=True, help="only look: no commands, no figures, no new runs")
def serve_stdio(read_only: bool) -> int:
    """Answer the screen of another host over standard input and output, which `dltui --host` starts over ssh.

    No port is opened; whoever can start it can do no more than the commands of dltui. It ends with its connection.
    """
    from dltui.core.hosts.serve import Server
    from dltui.tui.base.services import Services
    from dltui.tui.cli.hosts.answers import SLOW, Answers

    read, write = os.dup(0), os.dup(1)
    # Nothing that is printed by accident may come between the answers, nor any child read the questions.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.flush()
    services = Services(read_only)
    Server(Answers(services, read_only).operations(), SLOW, read_only).serve(read, write)
    # A thread that still works on an answer has nobody to give it to.
    os._exit(0)
