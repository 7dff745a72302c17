"""Verdicts on real curves: what is said is right at every epoch, what must be said is said, the rest is silence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dltui.core.analysis.verdict import Verdict, judge
from dltui.core.reading.history import EpochRecord, History
from tests.helpers.curve import Curve, curves

CURVES = curves()
QUIET = ("no data yet", "too early to judge")
each_curve = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)


def allowed(curve: Curve, verdict: Verdict, epochs: int) -> bool:
    """Whether somebody who knows how the run went on calls it right."""
    for label in curve.labels:
        low, high = label.get("since", (None, None))
        fits = low is None or (verdict.since is not None and low <= verdict.since <= high)
        if label["kind"] == verdict.kind and epochs >= label["from"] and fits:
            return True
    return False


@each_curve
def test_every_word_is_right_while_the_run_goes_on(curve: Curve) -> None:
    for epochs in range(curve.length + 1):
        verdict = judge(curve.history(epochs), curve.schedule)
        if verdict is not None and verdict.kind not in QUIET:
            assert allowed(curve, verdict, epochs), f"epoch {epochs}: {verdict}"
            assert verdict.evidence
            assert verdict.key


@each_curve
def test_what_must_be_said_is_said_at_the_end_and_nothing_else(curve: Curve) -> None:
    verdict = judge(curve.history(curve.length, ended=True), curve.schedule)
    must = [label["kind"] for label in curve.labels if label["must"]]
    assert (verdict.kind if verdict else None) == (must[0] if must else None)


@each_curve
def test_before_the_curve_says_anything_only_how_far_it_is(curve: Curve) -> None:
    first = judge(curve.history(0), curve.schedule)
    assert first == Verdict("no data yet", "the first steps are still to come", bad=False)
    if curve.length >= 2:
        second = judge(curve.history(2), curve.schedule)
        assert second == Verdict("too early to judge", "", bad=False)


def test_there_are_enough_real_curves_and_every_kind_is_among_them() -> None:
    assert len(CURVES) >= 20
    kinds = {label["kind"] for curve in CURVES for label in curve.labels}
    assert kinds == {"overfitting", "plateau", "diverging", "diverged", "does not learn", "input bound"}
    assert sum(not curve.labels for curve in CURVES) >= 10


def test_an_ended_run_is_not_asked_to_stop() -> None:
    curve = next(curve for curve in CURVES if curve.name == "fashion-mlp-overfits")
    live, ended = (judge(curve.history(curve.length, ended), curve.schedule) for ended in (False, True))
    assert live is not None
    assert ended is not None
    assert (live.text, live.key, ended.key) == ("overfitting since epoch 8", "s", "a")
    assert live.evidence.startswith("validation loss 0.4094 to 0.58")


def test_a_failed_run_says_what_to_try() -> None:
    curve = next(curve for curve in CURVES if curve.name == "fashion-mlp-dies")
    verdict = judge(curve.history(0, ended=True), curve.schedule)
    assert verdict == Verdict("diverged", "the loss is not a finite number at step 7", key="t", help="tries lr 0.15")


def test_a_schedule_that_lowers_the_learning_rate_is_no_plateau() -> None:
    curve = next(curve for curve in CURVES if curve.name == "fashion-softmax-constant")
    assert judge(curve.history(curve.length), "cosine") is None


def damaged(records: dict[int, EpochRecord]) -> dict[int, EpochRecord]:
    """As after lines of the log were lost: without numbers, without an evaluation, without training."""
    kept = dict(records)
    del kept[2]
    kept[3] = replace(kept[3], validation={})
    kept[4] = replace(kept[4], train={"loss": math.nan})
    kept[5] = replace(kept[5], train={}, validation={"loss": math.inf})
    return kept


@each_curve
def test_holes_in_the_log_raise_nothing_and_turn_no_word_wrong(curve: Curve) -> None:
    if curve.length < 6:
        return
    history = curve.history(curve.length)
    history.epochs = damaged(history.epochs)
    verdict = judge(history, curve.schedule)
    assert verdict is None or verdict.kind in (*QUIET, *(label["kind"] for label in curve.labels))


def test_an_empty_history_has_no_data() -> None:
    verdict = judge(History())
    assert verdict is not None
    assert verdict.kind == "no data yet"


def made(rows: list[list[float]], metric: str = "accuracy", mode: str = "max", classes: int = 10) -> History:
    """A history of these train loss, train accuracy, validation loss and value of the monitored metric."""
    found = next(curve for curve in CURVES if curve.name == "digits-softmax-constant")
    run = {**found.run, "epochs": len(rows), "classes": classes, "rows": [[*row, 1.0, 0.1] for row in rows]}
    history = Curve("made", "", "constant", [], run).history(len(rows))
    assert history.attempt is not None
    history.attempt.monitor.update(metric=metric, mode=mode)
    for number, record in history.epochs.items():
        values = {"loss": record.validation["loss"], metric: rows[number - 1][3]}
        history.epochs[number] = replace(record, validation=values)
    return history


def kind(history: History) -> str | None:
    found = judge(history)
    return found.kind if found else None


@pytest.mark.parametrize(("accuracy", "said"), [(0.60, None), (0.51, "does not learn")])
def test_two_classes_need_little_to_be_better_than_guessing(accuracy: float, said: str | None) -> None:
    assert kind(made([[0.675, accuracy, 0.675, accuracy]] * 6, classes=2)) == said


@pytest.mark.parametrize(
    ("metric", "mode", "first", "last", "said"),
    [
        ("miou", "max", 0.4, 0.7, None),
        ("miou", "max", 0.7, 0.7, "overfitting"),
        ("wer", "min", 0.05, 0.02, None),
        ("wer", "min", 0.02, 0.05, "overfitting"),
        ("accuracy", "max", 0.7, 0.8, None),
    ],
)
def test_a_metric_that_still_improves_is_no_overfitting(
    metric: str, mode: str, first: float, last: float, said: str | None
) -> None:
    rows = [[1.0 - 0.1 * n, 0.5, 0.5 + 0.045 * n, first + (last - first) * n / 9] for n in range(10)]
    assert kind(made(rows, metric, mode)) == said


@pytest.mark.parametrize(
    ("metric", "mode", "last", "said"),
    [
        ("miou", "max", 0.7, None),
        ("miou", "max", 0.4, "plateau"),
        ("wer", "min", 0.3, None),
        ("wer", "min", 0.4, "plateau"),
    ],
)
def test_a_metric_that_still_improves_is_no_plateau(metric: str, mode: str, last: float, said: str | None) -> None:
    rows = [[0.5, 0.5, 0.6, 0.4 + (last - 0.4) * n / 19] for n in range(20)]
    assert kind(made(rows, metric, mode)) == said


def test_where_the_loss_is_watched_the_accuracy_tells_of_progress() -> None:
    rows = [[1.0 - 0.1 * n, 0.5, 0.5 + 0.045 * n, 0.4 + 0.03 * n] for n in range(10)]
    history = made(rows)
    assert history.attempt is not None
    history.attempt.monitor.update(metric="loss", mode="min")
    assert kind(history) is None
