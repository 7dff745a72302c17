"""What a sweep has found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dltui.core.analysis.trials import findings
from dltui.core.analysis.trials import trial as trials
from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial
from dltui.core.rundir.directory import RunDirectory

RUN = RunDirectory(Path("/nowhere"))


def trial(number: int, scores: dict[int, float], at: float = 0.0, mode: str = "max", **values: Any) -> Trial:
    times = {epoch: at + epoch for epoch in scores}
    return Trial(number, RUN, values, "finished", mode=mode, scores=scores, times=times)


def test_the_best_so_far_counts_epochs_in_the_order_of_time() -> None:
    at_once = [trial(0, {1: 0.5, 2: 0.6}, at=0.0), trial(1, {1: 0.7, 2: 0.65}, at=0.5)]
    assert findings.best_so_far(at_once) == [(1, 0.5), (2, 0.7), (4, 0.7)]
    assert findings.best_so_far([trial(0, {1: 0.5, 2: 0.4}, mode="min")]) == [(1, 0.5), (2, 0.4)]
    assert findings.best_so_far([]) == []


def test_what_decides_is_important_and_what_does_not_is_not() -> None:
    space = (Dimension("lr", "float", 0.0, 1.0), Dimension("b", "choice", values=(1, 2)))
    found = [trial(n, {1: (n % 8) / 8}, lr=(n % 8) / 8, b=1 + n // 8) for n in range(16)]
    shares = findings.importance(space, found)
    assert [name for name, _ in shares] == ["lr", "b"]
    assert shares[0][1] > 0.8
    assert shares[1][1] == 0
    # A result far off counts as any other.
    wild = [*found[:-1], trial(15, {1: 1e9}, lr=7 / 8, b=2)]
    assert findings.importance(space, wild)[0][1] > 0.8
    assert findings.importance(space, found[:5]) == []
    assert findings.importance(space, [trial(n, {1: 0.5}, lr=0.1, b=1) for n in range(8)]) == [("lr", 0.0), ("b", 0.0)]


def test_equal_results_share_their_rank() -> None:
    assert findings._ranks([3.0, 1.0, 3.0, 2.0]) == [2.5, 0.0, 2.5, 1.0]


def test_the_winner_was_trained_to_its_end() -> None:
    whole, better = trial(0, {1: 0.5}), trial(1, {1: 0.9})
    pruned = Trial(1, RUN, {}, "stopped", "pruned at epoch 1: 2 of 3", scores={1: 0.9})
    assert trials.winner([whole, pruned]) is whole
    assert trials.winner([whole, better]) is better
    assert trials.winner([pruned]) is None
    assert trials.order([trial(0, {}), whole, better])[0] is better
    assert (pruned.pruned, pruned.standing()) == (1, "pruned at epoch 1")
    assert trials.pruned_at("stopped", "stopped by user") is None
