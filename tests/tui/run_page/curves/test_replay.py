"""Where one is in the past of a run: epoch by epoch, at the pace of its log, and what cannot be played."""

from __future__ import annotations

from dltui.core.reading.history import History
from dltui.tui.run_page.curves.replay import SPEEDS, WHOLE, begun, epoch_after, epoch_before, held
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


def test_at_first_the_whole_run_takes_twenty_seconds() -> None:
    three = history(3)
    replay = begun(three, NOW).moved(three, NOW + WHOLE / 2)
    assert replay is not None
    assert (replay.seconds, replay.state) == (4.5, "REPLAY")
    assert replay.moved(three, NOW + WHOLE - 0.1) is not None
    assert replay.moved(three, NOW + WHOLE) is None


def test_then_it_plays_at_the_pace_of_the_log() -> None:
    three = history(3)
    replay = begun(three, NOW).faster(NOW).moved(three, NOW + 3.0)
    assert replay is not None
    assert (replay.step, replay.seconds, replay.speed) == (15.0, 3.0, 1.0)
    faster = replay.faster(NOW + 3.0).moved(three, NOW + 4.0)
    assert faster is not None
    assert (faster.seconds, faster.state) == (7.0, "REPLAY 4x")


def test_after_the_last_speed_comes_the_first() -> None:
    replay, states = begun(history(3), NOW), []
    for _ in range(len(SPEEDS) + 2):
        states.append(replay.state)
        replay = replay.faster(NOW)
    assert states == ["REPLAY", *(f"REPLAY {speed:g}x" for speed in SPEEDS), "REPLAY"]


def test_a_run_without_a_point_is_over_at_once() -> None:
    assert begun(history(0), NOW).moved(history(0), NOW) is None
    assert held(history(0), 7.0).seconds == 0.0


def test_a_run_that_has_grown_during_the_hold_is_played_on_as_a_whole() -> None:
    played = begun(history(3), NOW).turned(history(3), NOW).turned(history(6), NOW)
    assert (played.state, played.whole) == ("REPLAY", begun(history(6), NOW).whole)
    assert played.faster(NOW).state == f"REPLAY {SPEEDS[0]:g}x"


def test_after_a_hold_it_goes_on_at_the_same_speed() -> None:
    played = begun(history(3), NOW).faster(NOW).faster(NOW).turned(history(3), NOW).turned(history(6), NOW)
    assert played.state == f"REPLAY {SPEEDS[1]:g}x"
