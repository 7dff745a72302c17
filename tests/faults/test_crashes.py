"""A kill or a power cut at every call of a run: the old checkpoint or the new, and the rest of the run is the same."""

from __future__ import annotations

import pytest

from tests.faults.cuts import Recording, record, sweep
from tests.faults.lab import Lab
from tests.faults.planted import CRASHES
from tests.helpers.marks import few, is_long


def test_the_same_calls_in_the_same_order_each_time(lab: Lab, recording: Recording) -> None:
    again = record(lab, epochs=2)
    assert [call[0] for call in again.trace] == [call[0] for call in recording.trace]
    assert again.result == recording.result
    assert [call[1] for call in recording.trace if call[0] == "saved"] == [4, 7, 12, 14]


@pytest.mark.slow(17)
def test_a_crash_at_any_call_loses_nothing_that_was_committed(
    lab: Lab, recording: Recording, request: pytest.FixtureRequest
) -> None:
    """At every 13th call, with `--long` at every 7th, with `--longest` at all."""
    every = 1 if request.config.getoption("--longest") else 7 if is_long(request.config) else 13
    found = sweep(lab, recording, recording.result, every=every)
    assert found.faults == []
    # Most of them leave what another one leaves: only different disks are looked at.
    assert found.points >= 6 * (120 // every)
    assert found.tried >= 150 // every


@pytest.mark.parametrize("bug", few(CRASHES, 1, long=0))
def test_a_planted_bug_is_found(lab: Lab, recording: Recording, bug: str) -> None:
    with CRASHES[bug]():
        planted = record(lab, epochs=2)
        found = sweep(lab, planted, recording.result, most_faults=1)
    assert found.faults
