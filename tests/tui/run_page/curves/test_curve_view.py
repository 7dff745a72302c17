"""Which part of a run the charts show: inside the run whatever was pressed, and with the cursor in sight."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.tui.run_page.curves.curve_view import AXES, SMOOTHINGS, Extent, Looking

HALF = Extent(50.0, 100.0)
SHORTEST = Extent(0.0, 1.0)


def test_the_whole_run_is_shown_to_its_planned_end() -> None:
    assert Looking().shown(HALF) == (0.0, 100.0)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_recent_window_holds_what_was_trained_last(planned: int, share: float) -> None:
    extent = Extent(math.floor(planned * share), planned)
    first, last = Looking(recent=True).shown(extent)
    assert 0 <= first <= extent.done <= last + 1e-6
    assert last <= planned * (1 + 1e-12)
    assert last - first == pytest.approx(max(planned / 10, 1))


def test_the_recent_window_stands_still_for_a_quarter_of_its_width() -> None:
    windows = [Looking(recent=True).shown(Extent(done, 1000.0)) for done in range(400, 500)]
    assert len(set(windows)) == 5


@given(
    st.lists(st.sampled_from(["closer", "farther", "left", "right", "window", "point"]), max_size=12),
    st.integers(1, 5000),
    st.floats(0, 1),
)
def test_no_keys_lead_out_of_the_run(keys: list[str], planned: int, share: float) -> None:
    extent = Extent(float(math.floor(planned * share)), float(planned))
    looking = Looking()
    for key in keys:
        looking = {
            "closer": lambda now: now.zoomed(0.5, extent),
            "farther": lambda now: now.zoomed(2.0, extent),
            "left": lambda now: now.panned(-1, extent),
            "right": lambda now: now.panned(1, extent),
            "window": lambda now: now.windowed(),
            "point": lambda now: now.pointed(-1, 40, extent),
        }[key](looking)
        first, last = looking.shown(extent)
        assert 0 <= first < last <= max(planned, 1) * (1 + 1e-9)
        assert looking.cursor is None or 0 <= looking.cursor <= extent.done
        if key == "point":
            assert looking.cursor is not None
            assert first <= looking.cursor <= last + 1e-9


def test_zoom_keeps_the_cursor_where_it_stands() -> None:
    first, last = Looking(cursor=25.0).zoomed(0.5, HALF).shown(HALF)
    assert ((25.0 - first) / (last - first), last - first) == (0.25, 50.0)


def test_zoom_of_a_part_that_is_not_trained_yet_stays_there() -> None:
    assert Looking(span=(80.0, 100.0)).zoomed(0.5, HALF).shown(HALF) == (80.0, 90.0)


def test_zoom_ends_at_a_step_and_at_the_whole_run() -> None:
    looking = Looking()
    for _ in range(30):
        looking = looking.zoomed(0.5, HALF)
    first, last = looking.shown(HALF)
    assert last - first == 1.0
    for _ in range(30):
        looking = looking.zoomed(2.0, HALF)
    assert looking.span is None
    assert Looking().zoomed(0.5, SHORTEST).shown(SHORTEST) == (0.0, 1.0)


def test_the_first_key_shows_the_cursor_at_the_last_value() -> None:
    assert Looking().pointed(-1, 40, HALF).cursor == 50.0
    elsewhere = Looking(span=(80.0, 100.0)).pointed(-1, 40, HALF)
    assert (elsewhere.cursor, elsewhere.shown(HALF)) == (50.0, (40.0, 60.0))
    assert Looking().pointed(1, 0, SHORTEST).cursor == 0.0


def test_the_cursor_moves_by_cells_and_takes_the_window_along() -> None:
    looking = Looking(span=(20.0, 30.0), cursor=20.0).pointed(-1, 10, HALF)
    assert (looking.cursor, looking.span) == (19.0, (14.0, 24.0))
    assert Looking(cursor=50.0).pointed(1, 10, HALF).cursor == 50.0


def test_only_a_window_is_panned() -> None:
    assert Looking().panned(1, HALF) == Looking()
    assert Looking(span=(10.0, 30.0)).panned(1, HALF).span == (15.0, 35.0)
    assert Looking(span=(0.0, 20.0)).panned(-1, HALF).span == (0.0, 20.0)


def test_every_choice_comes_round() -> None:
    looking = Looking()
    for _ in SMOOTHINGS:
        looking = looking.smoother()
    for _ in AXES:
        looking = looking.turned()
    assert looking.windowed().windowed() == Looking()
    assert Looking(recent=True, span=(1.0, 2.0)).windowed() == Looking()
    assert (Looking().chosen(-1, 3).chart, Looking().chosen(1, 0).chart) == (2, 0)


def test_a_ghost_that_is_taken_away_haunts_no_more() -> None:
    raced = Looking().toggled("a").haunted("b")
    assert (raced.others, raced.ghost) == (("a", "b"), "b")
    assert raced.haunted("b").others == ("a", "b")
    assert raced.haunted("b").ghost == ""
    assert raced.toggled("b") == Looking(others=("a",))
    assert raced.toggled("a").ghost == "b"
