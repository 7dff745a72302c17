"""Runs of a group: how they are folded into one, and what they come to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dltui.core.analysis.groups import Group, Spread, fold, missing_seeds, spread, standing


def row(name: str, group: str | None = None, best: float | None = None, status: str = "finished") -> dict[str, Any]:
    test = None if best is None else {"accuracy": best - 0.01}
    return {"id": name, "group": group, "best": best, "status": status, "metric": "accuracy", "test": test}


def test_the_spread_is_the_sample_standard_deviation() -> None:
    assert spread([0.8, None, 0.9]) == Spread(pytest.approx(0.85), pytest.approx(0.0707107), 2)
    assert spread([0.8]) == Spread(0.8, None, 1)
    assert spread([None]) is None


def test_a_value_that_is_no_number_is_left_out_of_the_spread() -> None:
    assert spread([0.8, math.nan, 0.9, math.inf]) == spread([0.8, 0.9])
    assert spread([0.8, math.nan]) == Spread(0.8, None, 1)
    assert spread([math.nan]) is None


def test_a_group_stands_where_its_newest_run_stands() -> None:
    rows = [row("d"), row("lab-s2", "lab"), row("c", None), row("lab-s1", "lab"), row("alone", "other")]
    folded = fold(rows)
    assert [entry.name if isinstance(entry, Group) else entry["id"] for entry in folded] == ["d", "lab", "c", "alone"]
    group = folded[1]
    assert isinstance(group, Group)
    assert group.rows == (rows[1], rows[3])


def test_a_group_is_finished_when_all_are() -> None:
    done, going = row("a", "g", 0.8), row("b", "g", None, "running")
    assert Group("g", (done, done)).status == "finished"
    assert Group("g", (done, going)).status == "running"
    assert Group("g", (done, going)).best() == Spread(0.8, None, 1)
    assert Group("g", (done, going)).test("accuracy") == Spread(0.79, None, 1)
    assert Group("g", (going,)).best() is None


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (["finished", "interrupted", "finished"], "2 of 3 finished, interrupted: dltui resume lab"),
        (["stopped", "failed", "finished"], "1 of 3 finished, failed: dltui resume lab"),
        (["queued", "interrupted", "finished"], ""),
        (["finished", "finished"], ""),
    ],
)
def test_a_series_that_is_not_whole_says_how_to_go_on(statuses: list[str], said: str) -> None:
    assert standing("lab", statuses) == said


def test_a_series_says_which_of_its_runs_were_never_made() -> None:
    members = [("lab", 1, [1, 2, 3]), ("", 5, []), ("other", 1, []), ("whole", 1, [1])]
    missing = missing_seeds(members)
    assert missing == {"lab": (2, 3)}
    (group,) = fold([row("lab-s1", "lab")], missing)
    assert isinstance(group, Group)
    assert (len(group), group.status) == (3, "interrupted")
    assert group.standing == "1 of 3 finished, interrupted, seeds 2, 3 without a run: dltui resume lab"
    assert missing_seeds([*members, ("lab", 2, []), ("lab", 3, [1, 2, 3])]) == {}
    assert standing("lab", ["running"], (2,)) == ""
    assert missing_seeds([("lab", [1], [1, 2]), ("lab", None, [])]) == {"lab": (1, 2)}, "a run.json of another hand"


def test_what_goes_on_tells_more_than_what_has_ended() -> None:
    rows = tuple(row(str(n), "g", None, status) for n, status in enumerate(["queued", "running", "failed"]))
    assert Group("g", rows).status == "running"


def test_a_sweep_stands_for_its_best_trial() -> None:
    rows = [row("a", "lab", 0.8, "stopped"), row("b", "lab", 0.9), row("c", "lab", None, "failed")]
    whole = Group("lab", tuple({**one, "sweep": "lab"} for one in rows))
    assert (whole.is_sweep, whole.status, whole.standing) == (True, "finished", "")
    assert whole.leader()["id"] == "b"
    first = {**row("z", "lab", 0.9), "sweep": "lab"}
    assert Group("lab", (*whole.rows, first)).leader()["id"] == "z", "the newest come first"
    going = Group("lab", (*whole.rows, {**row("d", "lab", None, "interrupted"), "sweep": "lab"}))
    assert (going.status, going.standing) == ("interrupted", "1 of 4 finished, interrupted: dltui resume lab")


@pytest.mark.parametrize(("metric", "mode", "best"), [("score", "max", "b"), ("f1", "min", "a"), ("mse", None, "a")])
def test_which_value_is_best_is_told_by_the_monitor_of_the_runs(metric: str, mode: str | None, best: str) -> None:
    """Also while the newest trial has not begun. Rows of older versions have no mode."""
    rows = [{**row("c", "lab"), "metric": None}, row("b", "lab", 0.9), row("a", "lab", 0.8)]
    known = [{**one, "metric": one["metric"] and metric, "mode": mode, "sweep": "lab"} for one in rows]
    whole = Group("lab", tuple(known))
    assert (whole.metric, whole.leader()["id"]) == (metric, best)


def test_a_loss_that_stands_in_for_a_metric_is_no_value_of_it() -> None:
    rows = (row("b", "lab", 0.3) | {"metric": "loss", "mode": "min"}, row("a", "lab", 0.2) | {"metric": "auroc"})
    whole = Group("lab", rows)
    assert (whole.metric, whole.best(), whole.leader()["id"]) == ("auroc", Spread(0.2, None, 1), "a")
    assert Group("lab", rows[:1]).metric == "loss"
