"""Serves the tools to an agent over standard input and output, by the Model Context Protocol. No port is opened."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError
from dltui.core.machine import process
from dltui.core.numbers import plain_json
from dltui.core.text import clean_line
from dltui.core.version import __version__
from dltui.tui.cli.agents import control, reading

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Tool = Callable[..., dict[str, Any]]

OURS = ("by", "plugins")
"""The arguments of tools that the server fills in."""
REFUSED = "this server only reads: start it with `dltui mcp --allow-control` to let an agent change runs"
INSTRUCTIONS = (
    "dltui trains deep-learning models; each run is a folder that can be read while it trains. Find runs with "
    "list_runs, look at one with read_run, read_metrics and read_log, wait with wait_for. Changes need a server that "
    "was started with --allow-control, and are in the run's log."
)


def make_server(allow_control: bool, plugins: Sequence[str] = ()) -> MCPServer:
    """The server; without `allow_control` each tool that changes something refuses in a line. `plugins` are files with
    models and datasets, which no agent can name.
    """
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("dltui", version=__version__, instructions=INSTRUCTIONS, log_level="ERROR")
    for tool in reading.TOOLS:
        _add(server, tool, None, plugins)
    for tool in control.TOOLS:
        _add(server, tool, allow_control, plugins)
    return server


def _add(server: MCPServer, tool: Tool, allowed: bool | None, plugins: Sequence[str]) -> None:
    """Register a tool under its own name. `allowed` is None for one that reads."""
    from mcp.types import ToolAnnotations

    hints = ToolAnnotations(read_only_hint=allowed is None, open_world_hint=False)
    text = " ".join((inspect.getdoc(tool) or "").split())
    server.add_tool(_served(tool, allowed, plugins), tool.__name__, description=text, annotations=hints)


def _served(tool: Tool, allowed: bool | None, plugins: Sequence[str]) -> Callable[..., Any]:
    """The tool as the server calls it: in a thread, with errors as one line, and with the arguments that are not the
    agent's.
    """
    import anyio.to_thread
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver.exceptions import ToolError

    known = inspect.signature(tool, eval_str=True)
    own = [one for name, one in known.parameters.items() if name not in OURS]

    async def served(context: Any, **arguments: Any) -> dict[str, Any]:
        if allowed is False:
            raise ToolError(REFUSED)
        every: dict[str, Any] = {"by": who(context), "plugins": plugins}
        named = {name: value for name, value in every.items() if name in known.parameters}
        try:
            # What only reads is not waited for when the client has gone; a change is.
            work = functools.partial(tool, **named, **arguments)
            found: dict[str, Any] = plain_json(await anyio.to_thread.run_sync(work, abandon_on_cancel=allowed is None))
            return found
        except DltuiError as error:
            raise ToolError(clean_line(error, 500)) from None

    asked = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=Context)
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    served.__signature__ = inspect.Signature([*parameters, asked], return_annotation=dict[str, Any])  # type: ignore[attr-defined]
    served.__annotations__ = {one.name: one.annotation for one in [*parameters, asked]} | {"return": dict[str, Any]}
    served.__name__ = tool.__name__
    return served


def who(context: Any) -> str:
    """The name under which a change stands in a run's log: the user, and the client that acted."""
    given = getattr(getattr(context, "session", None), "client_params", None)
    client = getattr(getattr(given, "client_info", None), "name", "") or "an agent"
    return f"{process.user_at_host()} through {clean_line(client, 60)} (mcp)"
