"""`dltui mcp`: runs as tools for an agent, over standard input and output."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys

import click

from dltui.core.errors import UsageError
from dltui.tui.cli import completion

MISSING = "the package mcp (2 or newer) is not installed; pip install 'dltui[mcp]'"


@click.command()
@click.option("--allow-control", is_flag=True, help="also start, stop, pause and resume runs, and set learning rates")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    shell_complete=completion.files,
    help="a .py file with a model or a dataset that the agent may use; repeatable",
)
def mcp(allow_control: bool, plugins: tuple[str, ...]) -> int:
    """Serve runs to an agent by the Model Context Protocol, over standard input and output: list them, read their
    progress, metrics and logs, wait for them and compare them.

    It only reads unless --allow-control is given; every change is in the run's log with who made it. No port is opened.
    Register it with your agent as the command `dltui mcp`.
    """
    if importlib.util.find_spec("mcp") is None or importlib.util.find_spec("mcp.server.mcpserver") is None:
        raise UsageError(MISSING)
    from dltui.tui.cli.agents.server import make_server

    make_server(allow_control, plugins).run("stdio")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # A tool that still waits for a run would keep this process for minutes, and nobody hears its answer.
    os._exit(0)
