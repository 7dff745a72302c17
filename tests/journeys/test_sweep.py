"""A sweep as a person has it: begun, stopped, gone on with, looked at, and a pruned trial resumed by a key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE
from tests.tui.test_pty import Screen, clean

SWEEP = ("sweep", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--data", "n=600", "--device", "cpu")
SECONDS = 150

pytestmark = [pytest.mark.slow(60), pytest.mark.long, pytest.mark.timeout(600)]


def shown(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(program("sweep", "show", "lab", "--json").stdout)
    return found


def until(program: Program, condition: Any) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while not condition(found := shown(program)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


@pytest.mark.longest
def test_a_sweep_is_stopped_goes_on_and_is_looked_at(program: Program) -> None:
    words = ("--lr", "0.001..3:log", "--batch-size", "8,32", "--epochs", "9", "--trials", "5", "--name", "lab")
    program(*SWEEP, *words, "--step-seconds", "0.01", "--detach")
    until(program, lambda found: any(one["epoch"] for one in found["trials"]))
    program("sweep", "stop", "lab")
    stopped = until(program, lambda found: found["status"] == "stopped")
    assert stopped["hint"] == "dltui sweep resume lab"
    done = program("resume", "lab").stdout
    assert "lab: finished, 5 of 5 trials" in done
    found = shown(program)
    pruned = next(one for one in found["trials"] if one["pruned"])
    screen = Screen(program.home, size=(80, 24))
    try:
        screen.wait(lambda text: "lab (5 trials)" in text)
        screen.child.send("\r")
        screen.wait(lambda text: "Sweep" in text and "best accuracy % by epochs spent" in text)
        screen.child.send("\t")
        screen.wait(lambda text: "batch_size" in text and "parallel" in text)
        place = [one["id"] for one in found["trials"]].index(pruned["id"])
        screen.child.send("\x1b[B" * place)
        screen.wait(lambda text: f"› {pruned['id'].removeprefix('lab-')}" in text)
        screen.child.send("r")
        screen.wait(lambda text: "is pinned and goes on" in text, 90)
        until(program, lambda now: next(o for o in now["trials"] if o["id"] == pruned["id"])["status"] == "finished")
        screen.child.send("q")
        assert screen.end() == 0
        clean(screen)
    finally:
        screen.child.close(force=True)
