"""Every call of a run fails once, or from then on: one line says why, nothing is damaged, and the run can go on."""

from __future__ import annotations

import errno

import pytest

from tests.faults.cuts import Recording
from tests.faults.errors import LASTING, Outcome, calls, fail
from tests.faults.lab import Lab


def faults(outcomes: list[Outcome]) -> list[str]:
    return [f"call {number}: {fault}" for number, outcome in enumerate(outcomes) for fault in outcome.faults]


@pytest.mark.slow(18)
@pytest.mark.parametrize(
    ("code", "times"),
    [(errno.EIO, 1), pytest.param(errno.EROFS, LASTING, marks=pytest.mark.long)],
    ids=["once", "for good"],
)
def test_a_storage_error_ends_the_run_but_harms_nothing(lab: Lab, recording: Recording, code: int, times: int) -> None:
    outcomes = [fail(lab, recording.result, number, code, times) for number in range(calls(recording))]
    assert faults(outcomes) == []
    # Some calls may fail without harm, like those of the heartbeat.
    assert {outcome.code for outcome in outcomes} == {0, 1}


@pytest.mark.slow
def test_a_full_disk_is_waited_for(lab: Lab, recording: Recording) -> None:
    outcomes = [fail(lab, recording.result, number, errno.ENOSPC, times=2) for number in range(calls(recording))]
    assert faults(outcomes) == []
    # Only a run that has not begun yet is refused: by the two calls that make its log, 4 and 5.
    assert [number for number, outcome in enumerate(outcomes) if outcome.code] == [3, 4, 5]
