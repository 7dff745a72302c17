"""Values of the next trial: a function of the seed, its number and the results so far."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial
from dltui.core.errors import UsageError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep import samplers

RUN = RunDirectory(Path("/nowhere"))
LR = Dimension("lr", "float", 0.001, 1.0, True)
SMALL = (Dimension("b", "choice", values=(64, 256)), Dimension("n", "int", 1, 2))
needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs Optuna")


def after(plan: Plan, value: Any = lambda values: 0.5) -> list[Trial]:
    """All trials of a plan."""
    found: list[Trial] = []
    for number in range(plan.trials):
        values = samplers.values(plan, number, found)
        found.append(Trial(number, RUN, values, "finished", scores={1: value(values)}, epochs=1, over=True))
    return found


def test_random_values_are_not_tried_twice() -> None:
    tried = [tuple(one.values.items()) for one in after(Plan("lab", SMALL, 4))]
    assert len(set(tried)) == 4
    # Where there is nothing else, they are.
    assert len(after(Plan("lab", SMALL, 6))) == 6


def test_refused_values_count_as_tried() -> None:
    for seed in range(4):
        plan, refused = Plan("lab", SMALL, 4, seed=seed), list[dict[str, Any]]()
        for number in range(4):
            refused.append(samplers.values(plan, number, [], refused))
        assert len({tuple(one.items()) for one in refused}) == 4


def test_all_whole_numbers_of_a_log_scale_are_tried() -> None:
    plan = Plan("lab", (Dimension("n", "int", 1, 200, True),), 200)
    assert {one.values["n"] for one in after(plan)} == set(range(1, 201))


def test_numbers_of_a_narrow_range_are_not_tried_twice() -> None:
    for low, high in ((0.9999, 0.99999), (1.0, 1.0 + 1e-12)):
        tried = [one.values["ema"] for one in after(Plan("lab", (Dimension("ema", "float", low, high),), 50))]
        assert len(set(tried)) == 50
        assert all(low <= value <= high for value in tried)


def test_when_all_short_numbers_were_tried_longer_ones_follow() -> None:
    plan = Plan("lab", (Dimension("lr", "float", 1.0, 2.0),), 2000)
    before = [Trial(number, RUN, {"lr": round(1 + number / 1000, 3)}, "finished") for number in range(1001)]
    found = samplers.values(plan, 1001, before)["lr"]
    assert 1 < found < 2
    assert round(found, 3) != found
    assert round(found, 4) == found


def test_a_grid_ends() -> None:
    plan = Plan("lab", SMALL, 4, "grid")
    assert [dict(one.values) for one in after(plan)][-1] == {"b": 256, "n": 2}
    with pytest.raises(UsageError, match="has only 4 trials"):
        samplers.values(plan, 4, [])


def quality(values: dict[str, Any]) -> float:
    return -((math.log10(values["lr"]) + 1.5) ** 2) - (values["layers"] == (64,))


@needs_optuna
@pytest.mark.long
def test_tpe_learns_and_forgets_nothing_with_its_process() -> None:
    space = (LR, Dimension("layers", "choice", values=((64,), (32, 32))), Dimension("n", "int", 1, 9))
    plan = Plan("lab", space, 30, "tpe", seed=1)
    trials = after(plan, quality)
    late = [one.values["layers"] for one in trials[15:]]
    assert late.count((32, 32)) > 10
    # From the results alone, as after a restart; with a trial that runs, one that failed and one that was pruned.
    assert samplers.values(plan, 30, trials) == samplers.values(plan, 30, trials)
    mixed = [
        *trials[:-3],
        replace(trials[-3], scores={}, status="failed"),
        replace(trials[-2], status="stopped", why="pruned at epoch 1: 2 of 2 there"),
        replace(trials[-1], over=False, status="running"),
    ]
    assert set(samplers.values(plan, 30, mixed)) == {"lr", "layers", "n"}
