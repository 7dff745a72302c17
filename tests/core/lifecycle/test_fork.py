"""What a fork takes over of a run that trains for a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle import fork
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.checkpoint import Checkpoint
from tests.helpers.sample_run import make_sample_run

SAVED = {"type": "checkpoint_saved", "name": "c", "step": 20}


def command(action: str, step: int) -> dict[str, Any]:
    return {"type": "command_obeyed", "action": action, "step": step, "arguments": {}}


@pytest.mark.parametrize(("new_length", "kept"), [(False, ["set", "fit"]), (True, ["set"])])
def test_estimates_of_steps_end_with_a_new_length(new_length: bool, kept: list[str]) -> None:
    records = [command("set", 5), command("fit", 10), command("fit", 30), SAVED]
    found = fork.inherited(records, "c", 20, new_length)
    assert [record["action"] for record in found if record["type"] == "command_obeyed"] == kept


@pytest.mark.parametrize(("seconds", "left"), [(1.0, True), (2.0, False), (1.97, False)])
def test_a_fork_needs_time_that_is_left(tmp_path: Path, seconds: float, left: bool) -> None:
    parent = RunReader(make_sample_run(tmp_path, status="finished"))
    found = Checkpoint("c", tmp_path / "c", {}, {"train_seconds": seconds})
    origin = fork._Origin(found, {}, {"train_seconds": seconds}, 20, True)
    if left:
        fork._check_time(parent, origin, "2s")
        return
    with pytest.raises(UsageError, match="nothing of 2s is left: give a longer --max-time"):
        fork._check_time(parent, origin, "2s")


@pytest.mark.parametrize(("changes", "test"), [({}, None), ({"test": False}, False)])
def test_a_fork_of_a_trial_evaluates_its_test_split(changes: dict[str, Any], test: bool | None) -> None:
    asked = {"config": {"lr": 0.1, "test": False, "gone": 1}, "sweep": {"trial": 1}}
    found = fork._config(asked, changes, {"lr", "test"})
    assert (found.get("test"), "gone" in found) == (test, False)
    # Other runs keep what they were asked for.
    assert fork._config({**asked, "sweep": None}, {}, {"lr", "test"})["test"] is False
