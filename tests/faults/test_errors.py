"""Every call of a run fails once, or from then on: one line says why, nothing is damaged, and the run can go on."""

from __future__ import annotations

import errno

import pytest

from tests.faults.cuts import Recording
from tests.faults.errors import LASTING, calls, fail
from tests.faults.lab import Lab


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, LASTING], ids=["once", "for good"])
@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_a_storage_error_ends_the_run_but_harms_nothing(lab: Lab, recording: Recording, code: int, times: int) -> None:
    outcomes = [fail(lab, recording.result, number, code, times) for number in range(calls(recording))]
    assert [f"call {number}: {fault}" for number, outcome in enumerate(outcomes) for fault in outcome.faults] == []
    # Some calls may fail without harm, like those of the heartbeat.
    assert {outcome.code for outcome in outcomes} == {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
def test_a_full_disk_is_waited_for(lab: Lab, recording: Recording, times: int) -> None:
    outcomes = [fail(lab, recording.result, number, errno.ENOSPC, times) for number in range(calls(recording))]
    assert [f"call {number}: {fault}" for number, outcome in enumerate(outcomes) for fault in outcome.faults] == []
    ended = [number for number, outcome in enumerate(outcomes) if outcome.code]
    # Only before the run has begun: it is refused then.
    assert ended == [number for number in ended if number < 8]
