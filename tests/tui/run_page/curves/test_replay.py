"""Where one is in the past of a run: epoch by epoch, at the pace of its log, and what cannot be played."""

from __future__ import annotations

from dltui.core.reading.history import History
from dltui.tui.run_page.curves.replay import NAMES, SPEEDS, Replay, begun, epoch_after, epoch_before, held
from tests.core.reading.test_history import STEPS, Tape

NOW = 5000.0


def history(epochs: int) -> History:
    """The ends of its epochs were reached 1, 5, 9 ... seconds after the start."""
    tape = Tape()
    tape.start()
    for epoch in range(1, epochs + 1):
        tape.epoch(epoch, 0.5)
    return tape.fold()


def test_from_epoch_to_epoch_and_no_further() -> None:
    three = history(3)
    assert [epoch_before(three, step) for step in (31, 30, 11, 10, 0)] == [30, 20, 10, 0, 0]
    assert [epoch_after(three, step) for step in (0, 9, 10, 29)] == [10, 10, 20, 30]
    assert epoch_after(three, 30) is None
    assert (epoch_before(history(0), 5), epoch_after(history(0), 5)) == (0, None)


def test_held_stands_still() -> None:
    at = held(history(3), 2.0 * STEPS)
    assert (at.step, at.seconds, at.state) == (20.0, 5.0, "PAST")
    assert at.moved(history(3), NOW) is at
    assert held(history(3), 15.0).seconds == 3.0


def test_it_plays_at_the_pace_of_the_log_and_ends() -> None:
    three = history(3)
    replay = begun(NOW).moved(three, NOW + 3.0)
    assert replay == Replay(15.0, 3.0, 1.0, NOW + 3.0)
    assert replay is not None
    assert replay.moved(three, NOW + 5.9) is not None
    assert replay.moved(three, NOW + 9.0) is None


def test_faster_goes_on_from_the_same_moment() -> None:
    three = history(3)
    replay = begun(NOW).moved(three, NOW + 1.0)
    assert replay is not None
    faster = replay.faster(NOW + 1.0).moved(three, NOW + 2.0)
    assert faster is not None
    assert (faster.seconds, faster.state) == (5.0, "REPLAY 4x")


def test_after_the_last_speed_it_is_held_and_then_plays_again() -> None:
    replay, states = begun(NOW), []
    for _ in SPEEDS:
        states.append(replay.state)
        replay = replay.faster(NOW)
    assert states == [f"REPLAY {NAMES[speed]}" for speed in SPEEDS]
    assert replay.state == "PAST"
    assert replay.faster(NOW).speed == SPEEDS[0]


def test_a_run_without_a_point_is_over_at_once() -> None:
    assert begun(NOW).moved(history(0), NOW) is None
    assert held(history(0), 7.0).seconds == 0.0
