"""Every call of a run fails once, or from then on: one line says why, nothing is damaged, and the run can go on."""

from __future__ import annotations

import errno

import pytest

from tests.faults.cuts import Recording
from tests.faults.errors import LASTING, Outcome, calls, fail
from tests.faults.lab import Lab
from tests.helpers.marks import is_long


def faults(numbers: list[int], outcomes: list[Outcome]) -> list[str]:
    named = zip(numbers, outcomes, strict=True)
    return [f"call {number}: {fault}" for number, outcome in named for fault in outcome.faults]


@pytest.fixture
def numbers(recording: Recording, pytestconfig: pytest.Config) -> list[int]:
    """The calls that fail: the first ones and each third behind them, with `--long` all."""
    every = range(calls(recording))
    return list(every) if is_long(pytestconfig) else [*every[:8], *every[8::3]]


@pytest.mark.slow(10)
@pytest.mark.parametrize(
    ("code", "times"),
    [(errno.EIO, 1), pytest.param(errno.EROFS, LASTING, marks=pytest.mark.longest)],
    ids=["once", "for good"],
)
@pytest.mark.longest
def test_a_storage_error_ends_the_run_but_harms_nothing(
    lab: Lab, recording: Recording, numbers: list[int], code: int, times: int
) -> None:
    outcomes = [fail(lab, recording.result, number, code, times) for number in numbers]
    assert faults(numbers, outcomes) == []
    # Some calls may fail without harm, like those of the heartbeat.
    assert {outcome.code for outcome in outcomes} == {0, 1}


@pytest.mark.slow(30)
@pytest.mark.longest
def test_a_full_disk_is_waited_for(lab: Lab, recording: Recording, numbers: list[int]) -> None:
    outcomes = [fail(lab, recording.result, number, errno.ENOSPC, times=2) for number in numbers]
    assert faults(numbers, outcomes) == []
    # Only a run that has not begun yet is refused: by the two calls that make its log, 4 and 5.
    assert [number for number, outcome in zip(numbers, outcomes, strict=True) if outcome.code] == [3, 4, 5]
