"""What a checkpoint still knows of the commands that steered its run, where the log has lost a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.rundir.checkpoint import Checkpoint
from dltui.core.worker import restoration


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
    found = Checkpoint("c", tmp_path, {}, {"steering": {"commands": [first, second]}})
    whole, damaged = History(), History()
    whole.commands, damaged.commands = [first, second], [second]
    told = restoration.lost(damaged, found)
    assert [event.step for event in told] == [10, 20]
    assert getattr(damaged, attribute) == getattr(whole, attribute)
    assert restoration.lost(whole, found) == []
