"""The tools of `dltui mcp` in this process: what they read of runs, and that each change is refused in a line."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from dltui.core.errors import DltuiError, UsageError
from dltui.core.reading.status import Status
from dltui.tui.cli import main
from dltui.tui.cli.agents import control, reading
from dltui.tui.cli.commands import mcp
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    for name in ("one", "two"):
        make_sample_run(tmp_path / "runs", run_id=name, epochs=3, image=False)
    return tmp_path


def test_reading(home: Path) -> None:
    listed = reading.list_runs(most=1)
    assert (len(listed["runs"]), listed["total"]) == (1, 2)
    assert reading.list_runs(status="failed")["runs"] == []
    found = reading.read_run("one")
    assert (found["id"], found["status"], found["epoch"]) == ("one", "finished", 3)
    assert found["config"]
    assert found["dataset_found"]["sizes"]
    metrics = reading.read_metrics("one", last=2)
    assert [row["epoch"] for row in metrics["metrics"]] == [2, 3]
    assert set(metrics["metrics"][0]["validation"]) >= {"loss", "accuracy"}
    assert reading.read_log("one", last=1)["lines"]
    assert reading.wait_for("one", timeout="1s")["reason"] == "ended"
    assert reading.wait_for("one", until="epoch>=2", timeout="1s")["reason"] == "condition"
    compared = reading.compare_runs(["one", "two"])
    assert [run["id"] for run in compared["runs"]] == ["one", "two"]
    assert all(json.dumps(value) for value in (listed, found, metrics, compared))


def test_wrong_use_is_an_error_of_one_line(home: Path) -> None:
    with pytest.raises(DltuiError, match='no run "none"'):
        reading.read_run("none")
    with pytest.raises(UsageError, match="two runs or more are compared, got 1"):
        reading.compare_runs(["one"])
    with pytest.raises(UsageError, match="one is finished: nothing to pause"):
        control.pause_run("me", "one")


def test_without_the_package_it_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main.run(["mcp"]) == 2
    assert capsys.readouterr().err == f"dltui: {mcp.MISSING}\n"


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="needs the extra mcp")
async def test_each_change_is_refused_without_permission(home: Path) -> None:
    from mcp import Client

    from dltui.tui.cli.agents.server import REFUSED, make_server

    async with Client(make_server(allow_control=False)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {tool.__name__ for tool in (*reading.TOOLS, *control.TOOLS)}
        for tool in control.TOOLS:
            named = tools[tool.__name__]
            assert not {"by", "plugins", "context"} & set(named.input_schema["properties"])
            given = {"run": "one", "model": "m", "lr": 0.1}
            wanted = {name: given[name] for name in named.input_schema.get("required", ())}
            found = await client.call_tool(tool.__name__, wanted)
            assert found.is_error
            assert str(getattr(found.content[0], "text", "")).endswith(REFUSED)
        found = await client.call_tool("read_run", {"run": "one"})
        assert found.structured_content is not None
        assert found.structured_content["id"] == "one"
        found = await client.call_tool("read_run", {"run": "none"})
        assert "\n" not in str(getattr(found.content[0], "text", ""))


def test_a_paused_run_takes_no_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SimpleNamespace(directory=SimpleNamespace(id="r"), status=lambda: Status("paused"))
    monkeypatch.setattr(control, "open_run", lambda text: reader)
    with pytest.raises(UsageError, match=r"^r is paused: epochs can be added when it has ended$"):
        control.resume_run("an agent", "r", more_epochs=3)
