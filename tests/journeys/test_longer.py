"""A run that is over is trained longer, and is then the run that would have been longer from the start."""

from __future__ import annotations

import pytest

from tests.helpers.marks import few
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs")


@pytest.mark.longest
def test_epochs_added_to_a_finished_run_make_it_the_longer_run(program: Program) -> None:
    program(*FAST, "--epochs", "5", "--name", "whole")
    program(*FAST, "--epochs", "3", "--name", "longer")
    program("resume", "longer", code=2)
    out = program("resume", "longer", "--more-epochs", "2", "--plain").stdout
    assert "longer was finished: all epochs done" in out
    assert "goes on to epoch 5: 3 of 3 are done" in out
    assert "extend epochs=2 by " in out
    whole, longer = program.summary("whole"), program.summary("longer")
    assert whole["weights_sha256"] == longer["weights_sha256"]
    assert longer["epochs"] == 5
    steps = [list(program.reader(name).history.points.steps) for name in ("whole", "longer")]
    assert steps[0][-1] == steps[1][-1]
    assert sorted(set(steps[1])) == steps[1], "old and new curve are one curve"


@pytest.mark.slow(27)
@pytest.mark.longest
@pytest.mark.parametrize("schedule", few(["constant", "one-cycle"], 1, long=0))
def test_a_longer_run_that_is_killed_goes_on_to_its_new_end(program: Program, schedule: str) -> None:
    program(*FAST, "--epochs", "2", "--name", "whole", "--schedule", schedule)
    program("resume", "whole", "--more-epochs", "3", "--detach")
    program.wait("whole", lambda live: live.phase == "ended" and live.attempt == 2)
    program(*FAST, "--epochs", "2", "--name", "r", "--schedule", schedule, "--step-seconds", "0.15")
    program("resume", "r", "--more-epochs", "3", "--detach")
    program.wait("r", lambda live: live.attempt == 2 and live.epoch >= 3)
    program("kill", "r", "--yes")
    program("resume", "r", "--plain")
    assert program.summary("r")["weights_sha256"] == program.summary("whole")["weights_sha256"]
    history = program.reader("r").history
    assert len(history.epochs) == 5
    assert [entry["action"] for entry in history.commands] == ["extend", "kill"], "who did what is in the log"
    assert all("@" in entry["by"] and entry["sent"] > 0 for entry in history.commands)


@pytest.mark.long
def test_epochs_added_after_patience_are_trained_also_when_their_attempt_left_no_checkpoint(program: Program) -> None:
    program(*FAST, "--epochs", "9", "--patience", "2", "--min-delta", "1", "--step-seconds", "0.1", "--name", "r")
    program("resume", "r", "--more-epochs", "2", "--detach")
    program.wait("r", lambda live: live.attempt == 2 and live.phase == "training" and live.step > 39)
    program("kill", "r", "--yes")
    assert not [saved for saved in program.reader("r").history.checkpoints if saved["step"] > 39]
    program("resume", "r", "--plain")
    assert len(program.reader("r").history.epochs) > 3
