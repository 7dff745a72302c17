"""However its viewer ends, a run goes on, can be come back to, and has its whole curve.

`DLTUI_CLOSES=50 pytest -n 1 -s tests/journeys/test_closes.py` closes fifty and says how long coming back took.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from collections.abc import Callable

import pexpect
import pytest

from dltui.core.machine import process
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE, terminal

CLOSES = int(os.environ.get("DLTUI_CLOSES", "2"))
EPOCHS, STEPS = 6, 13
SLOW = ("--plugin", str(FAKE), "--dataset", "blobs", "--epochs", str(EPOCHS), "--step-seconds", "0.05")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 60 * CLOSES)]


def hang_up(viewer: pexpect.spawn) -> None:
    """The line drops: the terminal is gone, for the viewer and for the shell that it ran in."""
    viewer.ptyproc.fileobj.close()
    viewer.ptyproc.closed = viewer.closed = True
    os.waitpid(viewer.pid, 0)
    viewer.ptyproc.terminated = viewer.terminated = True


def send(number: signal.Signals) -> Callable[[pexpect.spawn], None]:
    def end(viewer: pexpect.spawn) -> None:
        viewer.kill(number)
        viewer.read()
        viewer.close(force=True)

    return end


WAYS: tuple[Callable[[pexpect.spawn], None], ...] = (
    hang_up,
    send(signal.SIGKILL),
    send(signal.SIGHUP),
    send(signal.SIGTERM),
)


# test_detach shows it of each viewer; here they are come back to as well.
@pytest.mark.longest
@pytest.mark.slow(22)
def test_every_way_to_lose_a_viewer_leaves_the_run(program: Program) -> None:
    program("train", "softmax-numpy", *SLOW[:-1], "0", "--name", "whole")
    whole = program.summary("whole")["weights_sha256"]
    seconds = []
    for number in range(CLOSES):
        name, screen = f"r{number}", number % 2 == 0
        if screen:
            program("train", "softmax-numpy", *SLOW, "--name", name, "--detach")
            viewer = terminal(program, "attach", name)
            viewer.expect(name)
        else:
            viewer = terminal(program, "train", "softmax-numpy", *SLOW, "--name", name)
        live = program.wait(name, lambda live: live.step > 3)
        WAYS[number // 2 % len(WAYS)](viewer)
        assert process.alive(live.process), f"{name} died with its viewer"
        began = time.monotonic()
        back = terminal(program, "attach", name)
        back.expect("METRIC")
        seconds.append(time.monotonic() - began)
        back.send("q")
        back.expect(pexpect.EOF)
    for number in range(CLOSES):
        name = f"r{number}"
        program.wait(name, lambda live: live.phase == "ended")
        history = program.reader(name).history
        assert history.attempts == 1, "nothing was restarted"
        assert sorted(history.epochs) == list(range(1, EPOCHS + 1))
        assert int(history.points.steps[-1]) == EPOCHS * STEPS
        assert program.summary(name)["weights_sha256"] == whole
    told = f"{CLOSES} closes; back after {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (most)"
    sys.stderr.write(told + "\n")
    (program.folder / "closes.txt").write_text(told + "\n")
