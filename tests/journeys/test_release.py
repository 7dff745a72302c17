"""A pause that gives the device back: another run goes first, nothing is lost, the weights are those of a run that was
left alone.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from dltui.core.machine import process
from dltui.core.rundir import checkpoint, commands
from dltui.core.rundir.heartbeat import Live, read_live
from tests.helpers.marks import few
from tests.journeys.program import Program
from tests.journeys.test_queue import RUN, began, ended

EPOCHS = ("--epochs", "4", "--checkpoint-seconds", "0.1")
SLOW = ("--step-seconds", "0.1")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def weights(program: Program, name: str) -> str | None:
    end = program.reader(name).history.ended
    assert end is not None
    assert end.status == "finished", end
    return end.weights_sha256


@pytest.fixture
def alone(program: Program) -> str | None:
    """The weights of the run that nobody disturbs."""
    program(*RUN, *EPOCHS, "--plain", "--name", "alone")
    return weights(program, "alone")


def newest_step(program: Program, name: str) -> int:
    """The step of the newest checkpoint, which must be whole."""
    found = checkpoint.list_checkpoints(program.reader(name).directory)
    for path in found[-1:]:
        checkpoint.load(path)
    return int(found[-1].name.split("-")[2]) if found else 0


@pytest.mark.longest
@pytest.mark.slow(15)
def test_a_short_run_goes_first_and_the_long_one_goes_on_by_itself(program: Program, alone: str | None) -> None:
    program(*RUN, *EPOCHS, *SLOW, "--detach", "--name", "long")
    program.wait("long", lambda live: live.step > 5)
    program(*RUN, "--queue", "--name", "short", "--epochs", "1")
    said = program("pause", "long", "--release", "--until-free").stdout
    assert "gave cpu back; goes on when cpu was used and is free again, or with: dltui resume long" in said
    finish = ended(program, "short")
    assert ended(program, "long") > finish > began(program, "short")
    assert weights(program, "long") == alone
    assert program.reader("long").history.attempts == 2


@pytest.mark.slow(20)
@pytest.mark.long
def test_it_waits_as_a_paused_run_until_asked_and_a_kill_loses_nothing(program: Program, alone: str | None) -> None:
    program(*RUN, *EPOCHS, *SLOW, "--detach", "--name", "long")
    worker = program.wait("long", lambda live: live.step > 5)
    program("pause", "long", "--release")
    live = program.wait("long", lambda live: live.phase == "released")
    assert (live.pid, process.alive(live.process)) == (worker.pid, True), "it never is without a process"
    if sys.platform == "linux":
        assert b"--released" in Path(f"/proc/{live.pid}/cmdline").read_bytes(), "another program, without the framework"
    assert program.reader("long").status().name == "paused"
    os.kill(live.pid, signal.SIGKILL)
    program.wait_status("long", "interrupted")
    program("resume", "long", "--detach")
    program.wait("long", lambda live: live.phase == "training")
    program("pause", "long", "--release")
    assert "long goes on at step" in program("resume", "long").stdout
    ended(program, "long")
    assert weights(program, "long") == alone


@pytest.mark.longest
def test_stop_ends_a_run_that_has_given_its_device_back(program: Program) -> None:
    program(*RUN, *EPOCHS, *SLOW, "--detach", "--name", "long")
    program.wait("long", lambda live: live.step > 5)
    program("pause", "long", "--release")
    program("stop", "long")
    program.wait("long", lambda live: live.phase == "ended")
    status, history = program.reader("long").status(), program.reader("long").history
    assert (status.name, status.why.split(";")[0]) == ("stopped", "stopped while it waited for its device")
    assert history.ended is not None
    assert history.ended.step > 5
    program("resume", "long", "--plain")
    weights(program, "long")


def moved(step: int, live: Live) -> bool:
    """True for a worker that trains beyond a step, or has ended."""
    return live.phase == "ended" or (live.phase == "training" and live.step > step)


@pytest.mark.longest
@pytest.mark.slow(60)
@pytest.mark.parametrize("seed", few(range(12), 1, long=0))
def test_a_kill_at_any_moment_of_it_loses_nothing(program: Program, alone: str | None, seed: int) -> None:
    """The worker is killed at a random moment around the release, several times, and resumed each time."""
    choice = random.Random(seed)
    program(*RUN, *EPOCHS, *SLOW, "--detach", "--name", "long")
    newest = 0
    for _ in range(4):
        live = program.wait("long", partial(moved, newest))
        if live.phase == "ended":
            break
        commands.send(program.run("long"), "pause", {"release": True}, "me@here", attempt=live.attempt)
        if choice.random() < 0.3:
            commands.send(program.run("long"), "resume", {}, "me@here", attempt=live.attempt)
        time.sleep(choice.random() * 0.8)
        found = read_live(program.run("long"))
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
        program.wait_status("long", "interrupted")
        kept = newest_step(program, "long")
        assert kept >= newest
        newest = kept
        program("resume", "long", "--detach")
    ended(program, "long")
    assert weights(program, "long") == alone
