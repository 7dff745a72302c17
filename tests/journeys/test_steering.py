"""Several viewers steer one run at the same time: each command is obeyed once, in one order that all of them see.

`DLTUI_COMMANDS=1000 pytest -n 1 tests/journeys/test_steering.py` sends a thousand.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from dltui.core.rundir import commands
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE, terminal

COMMANDS = int(os.environ.get("DLTUI_COMMANDS", "100"))
EPOCHS = 40
RUN = ("--plugin", str(FAKE), "--dataset", "blobs", "--epochs", str(EPOCHS))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + COMMANDS)]


def steer(run: Path, seed: int, sent: list[str]) -> None:
    """A viewer that changes its mind all the time. Nothing that it asks for changes the weights."""
    choice = random.Random(seed)
    for _ in range(COMMANDS // 4):
        sent.append(commands.send(run, choice.choice(("pause", "resume", "checkpoint")), {}, f"viewer{seed}@here"))
        time.sleep(choice.uniform(0, 0.04))


@pytest.mark.slow(22)
@pytest.mark.long
def test_each_command_is_obeyed_once_and_all_see_the_same_end(program: Program) -> None:
    program("train", "softmax-numpy", *RUN, "--step-seconds", "0", "--name", "whole")
    program("train", "softmax-numpy", *RUN, "--step-seconds", "0.02", "--name", "r", "--detach")
    screens = [terminal(program, "attach", "r") for _ in range(2)]
    for screen in screens:
        screen.expect("METRIC")
    sent: tuple[list[str], list[str]] = ([], [])
    senders = [threading.Thread(target=steer, args=(program.run("r"), seed, sent[seed])) for seed in range(2)]
    for sender in senders:
        sender.start()
    choice = random.Random(7)
    for _ in range(COMMANDS // 2):
        choice.choice(screens).send(choice.choice("pw"))
        time.sleep(choice.uniform(0, 0.04))
    for sender in senders:
        sender.join()
    while program.wait("r", lambda live: live.phase in ("paused", "ended")).phase == "paused":
        commands.send(program.run("r"), "resume", {}, "viewer2@here")
        time.sleep(0.5)
    for screen in screens:
        screen.expect("FINISHED", timeout=5)
        screen.send("q")
        screen.wait()

    history = program.reader("r").history
    obeyed = [str(record["id"]) for record in history.commands]
    assert len(obeyed) == len(set(obeyed)), "obeyed twice"
    assert {*sent[0], *sent[1]} <= set(obeyed), "not obeyed"
    for one in sent:
        assert [name for name in obeyed if name in set(one)] == one, "the order of one sender"
    assert len(obeyed) > len(sent[0]) + len(sent[1]), "the screens steered too"
    assert history.attempts == 1
    assert program.summary("r")["weights_sha256"] == program.summary("whole")["weights_sha256"]
