"""An agent's official client talks to `dltui mcp` over standard input and output: it reads, waits and steers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any

import psutil
import pytest

from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

if TYPE_CHECKING:
    from mcp import ClientSession


@pytest.fixture(autouse=True)
def needs_mcp() -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="needs the extra mcp")


@asynccontextmanager
async def client(program: Program, *words: str) -> AsyncIterator[ClientSession]:
    from mcp import ClientSession, StdioServerParameters, stdio_client
    from mcp.types import Implementation

    desk = Implementation(name="desk", version="1")
    command = ["-P", "-m", "dltui", "mcp", *words]
    server = StdioServerParameters(
        command=sys.executable, args=command, env=program.environment, cwd=str(program.folder)
    )
    async with stdio_client(server) as streams, ClientSession(*streams, client_info=desk) as session:
        await session.initialize()
        yield session


async def call(session: ClientSession, tool: str, **arguments: Any) -> dict[str, Any]:
    found = await session.call_tool(tool, arguments)
    assert not found.is_error, found.content
    assert isinstance(found.structured_content, dict)
    return found.structured_content


async def refused(session: ClientSession, tool: str, **arguments: Any) -> str:
    found = await session.call_tool(tool, arguments)
    assert found.is_error
    text = str(getattr(found.content[0], "text", ""))
    assert "\n" not in text
    return text


def is_alive(process: psutil.Process) -> bool:
    """False for a process that has ended and is still listed."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.long
@pytest.mark.slow(5)
async def test_an_agent_starts_steers_and_reads_a_run(program: Program) -> None:
    async with client(program, "--allow-control", "--plugin", str(FAKE)) as session:
        models = await call(session, "list_models")
        assert "softmax-numpy" in [one["id"] for one in models["models"]]
        config = {"epochs": 200, "step_seconds": 0.005}
        given = {"model": "softmax-numpy", "dataset": "blobs", "config": config, "device": "cpu"}
        started = await call(session, "start_run", name="r", **given)
        assert started["run"] == "r"
        assert "--plugin" in started["command"]
        waited = await call(session, "wait_for", run="r", until="step>=1", timeout="60s")
        assert waited["reason"] == "condition"
        (server,) = [one for one in psutil.Process().children() if is_alive(one) and "mcp" in one.cmdline()]
        worker = psutil.Process(program.reader("r").live().pid)  # type: ignore[union-attr]
        for one in (server, *filter(is_alive, server.children(recursive=True)), worker):
            assert one.net_connections("inet") == [], "nothing listens, nothing is connected"
        paused = await call(session, "pause_run", run="r")
        assert (await call(session, "read_run", run="r"))["status"] == "paused"
        assert "from 1e-10 to 10" not in await refused(session, "set_learning_rate", run="r", lr=-1)
        changed = await call(session, "set_learning_rate", run="r", lr=0.05)
        assert changed["step"] >= paused["step"]
        await call(session, "resume_run", run="r")
        await call(session, "stop_run", run="r")
        ended = await call(session, "wait_for", run="r", timeout="60s")
        assert (ended["reason"], ended["status"]) == ("ended", "stopped")
        assert "is stopped: nothing to pause" in await refused(session, "pause_run", run="r")
        log = await call(session, "read_log", run="r", last=1000)
        assert log["lines"][0]["text"].startswith("started by ")
        assert log["lines"][0]["text"].endswith(" through desk (mcp)")
        (row,) = (await call(session, "list_runs"))["runs"]
        assert row["id"] == "r"
    obeyed = program.reader("r").history.commands
    assert [one["action"] for one in obeyed] == ["pause", "set", "resume", "stop"]
    assert all(str(one["by"]).endswith(" through desk (mcp)") for one in obeyed)


@pytest.mark.longest
@pytest.mark.slow(5)
async def test_an_agent_goes_on_with_a_run(program: Program) -> None:
    program("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "1", "--name", "r")
    async with client(program, "--allow-control", "--plugin", str(FAKE)) as session:
        assert "finished: nothing to resume" in await refused(session, "resume_run", run="r")
        went = await call(session, "resume_run", run="r", more_epochs=2)
        assert went["epochs"] == 3
        ended = await call(session, "wait_for", run="r", timeout="60s")
        assert (ended["status"], ended["epoch"]) == ("finished", 3)


@pytest.mark.longest
def test_a_server_whose_client_has_gone_ends_though_it_waits_for_a_run(program: Program) -> None:
    program("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--detach", "--name", "r",
            "--epochs", "400", "--step-seconds", "0.05")  # fmt: skip
    command = [sys.executable, "-P", "-m", "dltui", "mcp"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=program.folder, env=program.environment, stdin=pipe, stdout=pipe) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "desk", "version": "1"}}
        waiting = {"name": "wait_for", "arguments": {"run": "r", "timeout": "10m"}}
        send(server.stdin, id=1, method="initialize", params=about)
        assert b"serverInfo" in server.stdout.readline()
        send(server.stdin, method="notifications/initialized")
        send(server.stdin, id=2, method="tools/call", params=waiting)
        time.sleep(2)
        assert server.poll() is None
        server.stdin.close()
        assert server.wait(15) == 0
    program("kill", "r", "--yes")


def send(stream: IO[bytes], **message: Any) -> None:
    stream.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    stream.flush()
