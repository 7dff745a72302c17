"""Which part of a run the charts show: inside the run whatever was pressed, and with the cursor in sight."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.tui.run_page.curves.curve_view import AXES, SMOOTHINGS, CurveView, Extent

HALF = Extent(50.0, 100.0)
SHORTEST = Extent(0.0, 1.0)


def test_the_whole_run_is_shown_to_its_planned_end() -> None:
    assert CurveView().shown(HALF) == (0.0, 100.0)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_recent_window_holds_what_was_trained_last(planned: int, share: float) -> None:
    extent = Extent(math.floor(planned * share), planned)
    first, last = CurveView(recent=True).shown(extent)
    assert 0 <= first <= extent.done <= last + 1e-6
    assert last <= planned * (1 + 1e-12)
    assert last - first == pytest.approx(max(planned / 10, 1))


def test_the_recent_window_stands_still_for_a_quarter_of_its_width() -> None:
    windows = [CurveView(recent=True).shown(Extent(done, 1000.0)) for done in range(400, 500)]
    assert len(set(windows)) == 5


@given(
    st.lists(st.sampled_from(["closer", "farther", "left", "right", "window", "point"]), max_size=12),
    st.integers(1, 5000),
    st.floats(0, 1),
)
def test_no_keys_lead_out_of_the_run(keys: list[str], planned: int, share: float) -> None:
    extent = Extent(float(math.floor(planned * share)), float(planned))
    curve_view = CurveView()
    for key in keys:
        curve_view = {
            "closer": lambda now: now.zoomed(0.5, extent),
            "farther": lambda now: now.zoomed(2.0, extent),
            "left": lambda now: now.panned(-1, extent),
            "right": lambda now: now.panned(1, extent),
            "window": lambda now: now.windowed(),
            "point": lambda now: now.pointed(-1, 40, extent),
        }[key](curve_view)
        first, last = curve_view.shown(extent)
        assert 0 <= first < last <= max(planned, 1) * (1 + 1e-9)
        assert curve_view.cursor is None or 0 <= curve_view.cursor <= extent.done
        if key == "point":
            assert curve_view.cursor is not None
            assert first <= curve_view.cursor <= last + 1e-9


def test_zoom_keeps_the_cursor_where_it_stands() -> None:
    first, last = CurveView(cursor=25.0).zoomed(0.5, HALF).shown(HALF)
    assert ((25.0 - first) / (last - first), last - first) == (0.25, 50.0)


def test_zoom_of_a_part_that_is_not_trained_yet_stays_there() -> None:
    assert CurveView(span=(80.0, 100.0)).zoomed(0.5, HALF).shown(HALF) == (80.0, 90.0)


def test_zoom_ends_at_a_step_and_at_the_whole_run() -> None:
    curve_view = CurveView()
    for _ in range(30):
        curve_view = curve_view.zoomed(0.5, HALF)
    first, last = curve_view.shown(HALF)
    assert last - first == 1.0
    for _ in range(30):
        curve_view = curve_view.zoomed(2.0, HALF)
    assert curve_view.span is None
    assert CurveView().zoomed(0.5, SHORTEST).shown(SHORTEST) == (0.0, 1.0)


def test_the_first_key_shows_the_cursor_at_the_last_value() -> None:
    assert CurveView().pointed(-1, 40, HALF).cursor == 50.0
    elsewhere = CurveView(span=(80.0, 100.0)).pointed(-1, 40, HALF)
    assert (elsewhere.cursor, elsewhere.shown(HALF)) == (50.0, (40.0, 60.0))
    assert CurveView().pointed(1, 0, SHORTEST).cursor == 0.0


def test_the_cursor_moves_by_cells_and_takes_the_window_along() -> None:
    curve_view = CurveView(span=(20.0, 30.0), cursor=20.0).pointed(-1, 10, HALF)
    assert (curve_view.cursor, curve_view.span) == (19.0, (14.0, 24.0))
    assert CurveView(cursor=50.0).pointed(1, 10, HALF).cursor == 50.0


def test_only_a_window_is_panned() -> None:
    assert CurveView().panned(1, HALF) == CurveView()
    assert CurveView(span=(10.0, 30.0)).panned(1, HALF).span == (15.0, 35.0)
    assert CurveView(span=(0.0, 20.0)).panned(-1, HALF).span == (0.0, 20.0)


def test_every_choice_comes_round() -> None:
    curve_view = CurveView()
    for _ in SMOOTHINGS:
        curve_view = curve_view.smoother()
    for _ in AXES:
        curve_view = curve_view.turned()
    assert curve_view.windowed().windowed() == CurveView()
    assert CurveView(recent=True, span=(1.0, 2.0)).windowed() == CurveView()
    assert (CurveView().chosen(-1, 3).chart, CurveView().chosen(1, 0).chart) == (2, 0)


def test_a_ghost_that_is_taken_away_haunts_no_more() -> None:
    raced = CurveView().toggled("a").with_ghost("b")
    assert (raced.others, raced.ghost) == (("a", "b"), "b")
    assert raced.with_ghost("b").others == ("a", "b")
    assert raced.with_ghost("b").ghost == ""
    assert raced.toggled("b") == CurveView(others=("a",))
    assert raced.toggled("a").ghost == "b"
