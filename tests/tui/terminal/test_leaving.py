"""Whether Ctrl-Z leads anywhere: to a shell that can let the screen go on."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from dltui.tui import app as app_module
from dltui.tui.terminal.leaving import has_shell
from tests.tui.scenario import FakeServices, lines, shown

ASK = "from dltui.tui.terminal.leaving import has_shell; print(has_shell())"
WITHIN = f"import subprocess, sys; subprocess.run([sys.executable, '-P', '-c', {ASK!r}])"


@pytest.mark.parametrize(
    ("code", "options", "answer"),
    [
        (ASK, {"process_group": 0}, "True"),
        (ASK, {"start_new_session": True}, "False"),
        # As a shell without job control is: it is in the same group.
        (WITHIN, {"start_new_session": True}, "False"),
        (WITHIN, {"process_group": 0}, "True"),
    ],
    ids=["shell", "terminal", "script in a terminal", "script in a shell"],
)
def test_a_shell_is_the_parent_of_its_group_in_its_session(code: str, options: dict[str, Any], answer: str) -> None:
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, **options)
    assert done.stdout.strip() == answer


def test_the_first_process_of_a_container_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    monkeypatch.setattr(psutil.Process, "parents", lambda self: [])
    assert not has_shell()


async def test_without_a_shell_the_screen_stays(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "has_shell", lambda: False)
    monkeypatch.setattr(app_module.LeanApp, "action_suspend_process", lambda self: pytest.fail("it would hang"))
    async with shown(services) as (app, pilot):
        await pilot.press("ctrl+z")
        assert "no shell waits to go back to; q leaves, runs go on" in lines(app)[-2]
