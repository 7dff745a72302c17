"""Who goes on at a rung, and who does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dltui.core.analysis.trials import plan as plans
from dltui.core.analysis.trials import pruning, trial
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.pruning import Curve
from dltui.core.analysis.trials.space import Dimension
from dltui.core.errors import UsageError

LR = Dimension("lr", "float", 0.01, 1.0, True)
ASHA = Plan("lab", (LR,), epochs=9, least=1)


def flat(number: int, value: float, epochs: int = 9) -> Curve:
    return Curve(number, dict.fromkeys(range(1, epochs + 1), value))


@pytest.mark.parametrize(
    ("epochs", "rungs"), [(9, [1, 3]), (10, [1, 3, 9]), (27, [1, 3, 9]), (100, [3, 9, 27, 81]), (1, [])]
)
def test_rungs_follow_the_epochs(epochs: int, rungs: list[int]) -> None:
    assert Plan("lab", (LR,), epochs=epochs).rungs() == rungs


def test_the_best_of_three_go_on() -> None:
    others = [flat(number, number / 10) for number in range(5)]
    assert pruning.reason(ASHA, flat(5, 0.35), 1, others) == ""
    assert pruning.reason(ASHA, flat(5, 0.25), 3, others) == (
        "pruned at epoch 3: ranked 3 of 6 trials there; the best 2 go on"
    )
    # Not between rungs, nor at the end, nor the first one.
    assert pruning.reason(ASHA, flat(5, 0.0), 2, others) == ""
    assert pruning.reason(ASHA, flat(5, 0.0), 9, others) == ""
    assert pruning.reason(ASHA, flat(5, 0.0), 1, []) == ""
    # Those that did not come so far do not count.
    assert pruning.reason(ASHA, flat(5, 0.0), 3, [flat(0, 1.0, epochs=2)]) == ""
    assert pruning.reason(replace(ASHA, pruner="none"), flat(5, 0.0), 1, others) == ""


def test_a_tie_is_won_by_the_earlier_trial() -> None:
    assert pruning.reason(ASHA, flat(1, 0.5), 1, [flat(0, 0.5)]).startswith("pruned at epoch 1: ranked 2 of 2")
    assert pruning.reason(ASHA, flat(0, 0.5), 1, [flat(1, 0.5)]) == ""


def test_the_median_needs_some_trials() -> None:
    median = replace(ASHA, pruner="median")
    others = [flat(number, number / 10) for number in range(5)]
    assert pruning.reason(median, flat(5, 0.1), 2, others[:4]) == ""
    assert pruning.reason(median, flat(5, 0.1), 2, others) == "pruned at epoch 2: below the median of 5 others there"
    assert pruning.reason(median, flat(5, 0.2), 2, others) == ""


def test_the_median_is_that_of_the_values_and_not_of_the_best_until_then() -> None:
    """Else noise would raise it: a value that comes and goes is no average."""
    noisy = [Curve(number, dict(zip(range(1, 5), (0.5, 0.9, 0.5, 0.5), strict=True))) for number in range(5)]
    assert noisy[0].bests == {1: 0.5, 2: 0.9, 3: 0.9, 4: 0.9}
    median = replace(ASHA, pruner="median")
    assert pruning.reason(median, Curve(5, {4: 0.7}), 4, noisy) == ""
    assert pruning.reason(median, Curve(5, {4: 0.59}), 4, noisy) != ""
    assert trial.curve(3, {2: 0.4, 1: 0.9}, -1) == Curve(3, {2: -0.4, 1: -0.9})


def test_brackets_of_hyperband_begin_later_and_are_dealt_out_evenly() -> None:
    band = replace(ASHA, pruner="hyperband", epochs=27)
    brackets = [pruning.bracket_of(band, number) for number in range(40)]
    assert brackets[:40] == [pruning.bracket_of(band, number) for number in range(40)]
    counts = [brackets.count(bracket) for bracket in range(3)]
    assert counts[0] > counts[1] > counts[2] > 0
    first = brackets.index(2)
    assert pruning.rungs(band, first) == [9]
    # Judged among its like alone.
    others = [flat(number, 0.9) for number in range(40) if brackets[number] != 2]
    assert pruning.reason(band, flat(first, 0.1, 27), 9, others) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "trials must be"),
        ({"parallel": 65}, "parallel must be"),
        ({"reduction": 1}, "reduction must be"),
        ({"confirm": -1}, "confirm must be"),
        ({"least": 9}, "first rung is after 9 epochs"),
        ({"least": -1}, "min-epochs must be"),
        ({"space": ()}, "nothing varies"),
        ({"space": (replace(LR, steps=1000),) * 4, "sampler": "grid", "trials": plans.MOST_TRIALS}, "the grid has"),
    ],
)
def test_a_wrong_plan_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        plans.check(replace(ASHA, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("monitor", "trials are compared by one metric"), ("test", "trials leave the test split alone")],
)
def test_what_trials_share_varies_in_no_new_sweep(name: str, reason: str) -> None:
    plan = replace(ASHA, space=(LR, Dimension(name, "choice", values=("a", "b"))))
    with pytest.raises(UsageError, match=reason):
        plans.check_shared(plan)
    # One that there is goes on.
    assert plans.check(plan) == plan


def test_a_plan_survives_json_and_has_no_more_trials_than_values() -> None:
    plan = replace(ASHA, space=(Dimension("b", "choice", values=(64, 256)),), trials=20, command=("dltui", "sweep"))
    assert plans.check(plan).trials == 2
    assert Plan.from_json(plan.to_json()) == plan
    assert plans.described(plan) == "20 trials of b 64,256; random, asha at epochs 1, 3"
    for damage in (
        {"space": []},
        {"sampler": "x"},
        {"reduction": 0},
        {"parallel": 0},
        {"least": -1},
        {"trials": "many"},
    ):
        with pytest.raises((ValueError, TypeError, KeyError)):
            Plan.from_json({**plan.to_json(), **damage})


def test_trials_that_train_for_a_time_are_not_pruned_by_epochs() -> None:
    plan = Plan("lab", (LR,), 3, pruner="", epochs=10)
    assert plans.with_pruner(plan).pruner == "asha"
    assert plans.with_pruner(replace(plan, pruner="median")).pruner == "median"
    timed = plans.with_pruner(replace(plan, timed=True))
    assert (timed.pruner, timed.rungs(), timed.most_epochs, plan.most_epochs) == ("none", [], None, 30)
    assert plans.described(timed).endswith("; random, none pruned, since each trains for a time")
    assert Plan.from_json(timed.to_json()) == timed
    record = plan.to_json() | {"pruner": "asha"}
    del record["timed"]
    assert not Plan.from_json(record).timed, "as earlier versions have written it"
    with pytest.raises(UsageError, match=r"^pruner asha decides after some of the epochs, with --max-time nobody"):
        plans.with_pruner(replace(timed, pruner="asha"))
    with pytest.raises(UsageError, match=r"^--min-epochs is the first rung of a pruner; with --max-time"):
        plans.with_pruner(replace(timed, least=2))


@pytest.mark.parametrize("name", ["least", "reduction"])
def test_what_only_a_pruner_needs_is_refused_without_one(name: str) -> None:
    asked = replace(ASHA, **{"least": 0, name: 2})  # type: ignore[arg-type]
    assert plans.with_pruner(asked) == asked
    with pytest.raises(UsageError, match=r"of a pruner; with --pruner none no trial is pruned: leave it out$"):
        plans.with_pruner(replace(asked, pruner="none"))
    with pytest.raises(UsageError, match=r"of a pruner; with --max-time no trial is pruned: leave it out$"):
        plans.with_pruner(replace(asked, pruner="", timed=True))


def test_the_epochs_of_all_trials_are_not_known_where_they_vary() -> None:
    plan = replace(ASHA, trials=20)
    assert plan.most_epochs == 20 * plan.epochs
    assert replace(plan, space=(LR, Dimension("epochs", "choice", values=(3, 9)))).most_epochs is None


def test_only_a_grid_has_no_more_trials_than_steps() -> None:
    plan = replace(ASHA, space=(replace(LR, steps=5),), trials=20)
    assert [plans.check(replace(plan, sampler=sampler)).trials for sampler in plans.SAMPLERS] == [20, 5, 20, 20]
    whole = replace(plan, space=(Dimension("n", "int", 1, 8, steps=3),))
    assert [plans.check(replace(whole, sampler=sampler)).trials for sampler in ("random", "grid")] == [8, 3]
    # The first of a grid that is not gone through.
    vast = replace(ASHA, space=(replace(LR, steps=1000),) * 4, sampler="grid")
    assert plans.check(vast).trials == 20
