"""The JSON schema of events: that of the documentation, and one that the logs of real runs fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dltui.core.lifecycle.proof.verify import STEERING
from dltui.core.reading.json_schema import schema
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.commands import ACTIONS
from dltui.core.rundir.events import EVENTS, Logged
from dltui.core.rundir.log import EventLog, LogTail
from dltui.tui.cli.follow.outputs import JsonOutput
from tests.helpers.earlier_runs import extract
from tests.helpers.sample_run import make_sample_run

ROOT = Path(__file__).parents[3]
SCHEMA = schema()
EARLIER = ROOT / "tests" / "journeys" / "earlier"


def problems(record: Any, part: dict[str, Any], where: str = "") -> list[str]:
    """The places where a value does not fit a schema, as far as this schema goes."""
    if "$ref" in part:
        return problems(record, SCHEMA["$defs"][part["$ref"].rpartition("/")[2]], where)
    if "anyOf" in part:
        found = [problems(record, one, where) for one in part["anyOf"]]
        return [] if [] in found else found[0]
    if "const" in part:
        return [] if record == part["const"] else [f"{where}: {record}"]
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(fits(record, kind) for kind in kinds):
        return [f"{where}: {record!r} is no {kinds}"]
    found = []
    if isinstance(record, dict):
        found += [f"{where}: no {name}" for name in part.get("required", ()) if name not in record]
        own, more = part.get("properties", {}), part.get("additionalProperties", True)
        for name, value in record.items():
            inner = own.get(name, more)
            found += problems(value, inner, f"{where}.{name}") if isinstance(inner, dict) else []
    if isinstance(record, list) and "items" in part:
        for number, value in enumerate(record):
            found += problems(value, part["items"], f"{where}.{number}")
    return found


def fits(value: Any, kind: str) -> bool:
    if kind == "integer":
        return type(value) is int
    if kind == "number":
        return type(value) in (int, float)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[kind])


def test_the_documented_schema_is_that_of_the_code() -> None:
    assert json.loads((ROOT / "docs" / "events.schema.json").read_text()) == schema()
    said = (ROOT / "docs" / "events.md").read_text()
    assert f"`{schema()['$id']}`" in said
    for name in EVENTS:
        assert f"| `{name}` |" in said


def test_logs_of_runs_fit(tmp_path: Path) -> None:
    for archive in EARLIER.glob("*.tar.gz"):
        extract(archive, tmp_path / "earlier")
    make_sample_run(tmp_path / "runs", run_id="one", epochs=3, image=False)
    logs = sorted(tmp_path.rglob("events.jsonl"))
    assert len(logs) == 3
    log = EventLog(tmp_path / "events.jsonl", 1)
    log.append(Logged("info", "now"))
    log.close()
    seen = set()
    for path in (*logs, tmp_path / "events.jsonl"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            assert problems(record, SCHEMA["$defs"][record["type"]], record["type"]) == []
            seen.add(record["type"])
    assert len(seen) >= 6
    assert len(LogTail(tmp_path / "events.jsonl").read()) == 1


@pytest.mark.parametrize("change", [{"epoch": "one"}, {"train": [1]}, {"crc": None}])
def test_another_line_does_not_fit(change: dict[str, Any]) -> None:
    record = {"type": "epoch_ended", "seq": 1, "time": 1.0, "attempt": 1, "crc": "00000000", "epoch": 1, "step": 2}
    record |= {"train": {"loss": None}, "lr": 0.1, "seconds": 1.0, "samples_per_second": 3.0}
    assert problems(record, SCHEMA["$defs"]["epoch_ended"]) == []
    assert problems(record | change, SCHEMA["$defs"]["epoch_ended"]) != []


def test_the_lines_of_json_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = RunReader(make_sample_run(tmp_path / "runs", epochs=2, image=False))
    reader.refresh()
    JsonOutput(reader).close(reader, reader.status(), [])
    first, *events, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = (ROOT / "docs" / "events.md").read_text()
    for record in (first, last):
        assert [name for name in (record["type"], *record) if f"`{name}`" not in said] == []
    assert len(events) > 5
    for record in events:
        assert problems(record, SCHEMA["$defs"][record["type"]], record["type"]) == []


def test_the_actions_of_commands_are_documented() -> None:
    said = (ROOT / "docs" / "events.md").read_text()
    assert [name for name in (*ACTIONS, *STEERING, "ignored") if f"`{name}`" not in said] == []
