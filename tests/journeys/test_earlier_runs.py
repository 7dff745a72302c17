"""Runs of the version before are listed, shown and resumed: bit for bit on the processor that they were made on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dltui.core.catalog.sources import own
from dltui.core.machine.cpu import cpu_name
from tests.helpers import earlier_runs
from tests.helpers.marks import few
from tests.journeys.program import Program

FRAMEWORKS = ("torch", "tensorflow")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_it_is_listed_and_shown(program: Program, framework: str) -> None:
    name = earlier_runs.unpack(framework, program.home, program.folder / "exports" / "r").name
    (row,) = json.loads(program("runs", "--json").stdout)
    assert (row["id"], row["status"], row["model"]) == (name, "preempted", f"softmax-{framework}")
    assert row["epochs"] == 12
    assert 0 < row["epoch"] < 12
    assert "preempted" in program("attach", name, "--plain", code=75).stdout


@pytest.mark.slow(15)
@pytest.mark.parametrize("framework", few(FRAMEWORKS, 1, long=0))
def test_it_is_resumed_bit_for_bit(program: Program, framework: str) -> None:
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    exports = program.folder / "exports" / "r"
    name = earlier_runs.unpack(framework, program.home, exports).name
    before = len(program.reader(name).history.epochs)
    program("resume", name)
    history = program.reader(name).history
    assert history.attempt is not None
    wanted = json.loads((earlier_runs.FOLDER / "expected.json").read_text())[framework]
    assert len(history.epochs) == 12 > before
    assert history.attempt.start_step % 1293 != 0, "in the middle of an epoch"
    losses = {str(number): epoch.train["loss"] for number, epoch in history.epochs.items()}
    assert losses == pytest.approx(wanted["epochs"], rel=1e-4)
    summary: dict[str, Any] = json.loads((exports / "summary.json").read_text())
    assert summary["test_accuracy"] == pytest.approx(wanted["test"]["accuracy"], abs=0.006)
    here = {key: summary["versions"][key] for key in wanted["versions"] if key != "dltui"}
    if here | {"dltui": "0.1.0"} == wanted["versions"] and wanted["processor"].startswith(cpu_name()):
        assert summary["weights_sha256"] == wanted["weights_sha256"]
