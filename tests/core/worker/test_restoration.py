"""What a checkpoint still knows of the commands that steered its run, where the log has lost a line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.checkpoint import Checkpoint
from dltui.core.worker.beginning import restoration
from tests.faults.lab import Lab


def command(number: int, action: str, step: int, **arguments: Any) -> dict[str, Any]:
    return {"type": "command_obeyed", "id": str(number), "action": action, "step": step, "arguments": arguments}


@pytest.mark.parametrize(
    ("action", "name", "attribute", "values"),
    [("set", "lr", "lr_changes", (0.1, 0.2)), ("fit", "total", "fits", (90, 80))],
)
def test_a_lost_command_comes_before_the_later_ones(
    tmp_path: Path, action: str, name: str, attribute: str, values: tuple[float, float]
) -> None:
    first, second = (command(n, action, 10 * n, **{name: value}) for n, value in enumerate(values, start=1))
    found = Checkpoint("c", tmp_path, {}, {"steering": {"commands": [first, second]}}, 20)
    whole, damaged = History(), History()
    whole.commands, damaged.commands = [first, second], [second]
    told = restoration.lost(damaged, found)
    assert [event.step for event in told] == [10, 20]
    assert getattr(damaged, attribute) == getattr(whole, attribute)
    assert restoration.lost(whole, found) == []


def test_a_run_whose_checkpoints_are_gone_is_not_trained_from_the_beginning(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    run = lab.new_run(epochs=1)
    lab.finish(run)
    shutil.rmtree(run.checkpoints_dir)
    run.checkpoints_dir.mkdir()
    lab.work(run)
    reader = RunReader(run)
    reader.refresh()
    gone = "it does not go on: the checkpoints of r0 are gone; train it anew: dltui train --like r0"
    assert [text for _, _, text in reader.history.logs if "does not go on" in text] == [gone]
    assert (reader.status().name, len(reader.history.epochs)) == ("finished", 1)
