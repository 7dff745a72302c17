"""The plain values of the page of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dltui.core.sweep.view import SweepView
from dltui.tui.sweep_page.state import SweepState
from tests.tui.sweep_page.sample import sample_view


class Scores(dict[int, float]):
    """Scores that count how often they are gone through."""

    looks = 0

    def __iter__(self) -> Iterator[int]:
        type(self).looks += 1
        return super().__iter__()


def test_a_redraw_goes_through_no_scores_again(tmp_path: Path) -> None:
    view: SweepView = sample_view(tmp_path)
    view = replace(view, trials=tuple(replace(one, scores=Scores(one.scores)) for one in view.trials))
    state = SweepState()
    state.take(view)
    once = Scores.looks
    assert 0 < once <= 2 * len(view.trials)
    places = [state.place(len(state.space), one) for one in state.everyone]
    assert (places[0], min(place for place in places if place is not None)) == (1.0, 0.0)
    assert Scores.looks == once
