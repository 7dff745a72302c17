"""A run on two devices, as a user has it: it is paused, loses a rank, goes on on one device, and is the same run."""

from __future__ import annotations

import importlib.util
import os
import signal
import time

import numpy as np
import psutil
import pytest

from tests.journeys.program import Program

RUN = ("cnn-torch", "--dataset", "digits", "--dropout", "0.2", "--threads", "2", "--checkpoint-seconds", "0.3")
SAME = ("--schedule", "constant", "--lr", "0.01")
"""So that fewer epochs begin as more of them do."""
COMPARED = 6

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
pytestmark = [pytest.mark.slow(60), pytest.mark.long, needs_torch]


def ranks_of(pid: int) -> list[int]:
    found = [one.pid for one in psutil.Process(pid).children() if "rank_process" in " ".join(one.cmdline())]
    return sorted(found)


def losses(program: Program, name: str) -> np.ndarray:
    return np.array([record.train["loss"] for _, record in sorted(program.reader(name).history.epochs.items())])


def test_a_lost_rank_and_another_number_of_devices(program: Program) -> None:
    program("train", *RUN, *SAME, "--epochs", str(COMPARED), "--device", "cpu", "--name", "alone", "--plain")
    program("train", *RUN, *SAME, "--epochs", "12", "--device", "cpu:2", "--name", "both", "--detach")
    program.wait("both", lambda live: live.step > 0)
    program("pause", "both")
    live = program.wait("both", lambda live: live.phase == "paused")
    assert len(live.ranks) == 2
    ranks = ranks_of(live.pid)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    program.wait_status("both", "interrupted", seconds=10)
    why = program.reader("both").status().why
    assert why == "rank 1 (cpu) was killed by SIGKILL; worker.log may say why"
    deadline = time.monotonic() + 10
    while any(map(psutil.pid_exists, [live.pid, *ranks])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, [live.pid, *ranks]))
    said = program("resume", "both", "--device", "cpu", "--plain").stdout
    assert "differs: it was on cpu:2, and goes on on cpu: the same run but for rounding" in said
    # Rounding grows as the losses become small.
    np.testing.assert_allclose(losses(program, "both")[:COMPARED], losses(program, "alone"), rtol=0.01)
    assert program.reader("both").history.attempt.device["name"] == "cpu"


@pytest.mark.longest
def test_signals_and_commands_reach_all_ranks(program: Program) -> None:
    program("train", *RUN, "--epochs", "500", "--device", "cpu:2", "--name", "long", "--detach")
    program.wait("long", lambda live: live.step > 0)
    program("set", "long", "lr=0.01")
    program("checkpoint", "long")
    live = program.wait("long", lambda live: live.phase == "training")
    ranks = ranks_of(live.pid)
    for pid in (*ranks, live.pid):
        os.kill(pid, signal.SIGTERM)
    program.wait_status("long", "preempted", seconds=20)
    program("resume", "long", "--detach")
    live = program.wait("long", lambda live: live.attempt == 2 and live.phase == "training" and bool(live.ranks))
    again = ranks_of(live.pid)
    program("kill", "long", "--yes")
    deadline = time.monotonic() + 10
    while any(map(psutil.pid_exists, [*ranks, *again])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, [*ranks, *again]))
