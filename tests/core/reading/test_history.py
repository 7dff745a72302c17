"""Events folded into what is true: superseded by later attempts, independent of how they arrive, never surprised."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltui.core.analysis.measures import condition
from dltui.core.reading.history import History
from dltui.core.rundir.events import (
    EVENTS,
    AttemptStarted,
    CheckpointSaved,
    CommandObeyed,
    EpochEnded,
    Evaluated,
    Event,
    Logged,
    RunEnded,
    Trained,
)
from dltui.tui.cli.follow import closing
from dltui.tui.cli.follow.lines import attempt_line
from dltui.tui.draw import wording

STEPS = 10


class Tape:
    """Records as a log would give them."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.attempt = 0
        self.elapsed = 0.0

    def add(self, event: Event) -> None:
        self.elapsed += 1.0
        envelope = {"seq": len(self.records) + 1, "time": 1000.0 + len(self.records), "elapsed": self.elapsed}
        self.records.append({**envelope, "attempt": self.attempt, **event.to_json()})

    def start(self, step: int = 0, mode: str = "max") -> None:
        self.attempt += 1
        self.elapsed = 0.0
        monitor = {"metric": "accuracy", "split": "validation", "mode": mode}
        self.add(
            AttemptStarted(
                step,
                step // STEPS,
                5,
                STEPS,
                5 * STEPS,
                32,
                None,
                "host",
                1,
                "me",
                {},
                "torch",
                {},
                1,
                {},
                monitor,
                9,
                [],
            )
        )

    def epoch(
        self, number: int, accuracy: float, loss: float = 1.0, best: bool = False, validation_loss: float | None = None
    ) -> None:
        steps = list(range((number - 1) * STEPS + 1, number * STEPS + 1))
        column = [loss] * STEPS
        self.add(Trained(number, steps, column, column, column, {"accuracy": column}, column, 2.0, 100.0))
        self.add(EpochEnded(number, number * STEPS, {"loss": loss}, 0.1, 2.0, 100.0))
        metrics = {"accuracy": accuracy} | ({} if validation_loss is None else {"loss": validation_loss})
        self.add(Evaluated("validation", number, number * STEPS, metrics, 0.5, best))
        self.add(CheckpointSaved(f"a01-step-{number * STEPS:08d}", number, number * STEPS, True, 10))

    def fold(self) -> History:
        history = History()
        history.fold(self.records)
        return history


def command(action: str, step: int, **arguments: float) -> CommandObeyed:
    return CommandObeyed(f"{action}-{step}", action, arguments, 1, step, "me", 0.0)


def test_a_run_from_start_to_end() -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    tape.epoch(2, 0.7, loss=0.5)
    tape.add(Logged("warning", "hm"))
    tape.add(Evaluated("test", 2, 20, {"accuracy": 0.69}, 1.0))
    tape.add(RunEnded("finished", "all epochs done", None, 2, 20, 9.0, 4.5, "ff"))
    history = tape.fold()
    assert history.attempt is not None
    assert history.attempts == history.attempts_started == 1
    assert list(history.points.steps) == list(range(1, 21))
    assert list(history.points.loss) == list(history.points.metrics["accuracy"]) == [1.0] * 10 + [0.5] * 10
    assert history.epochs[2].train == {"loss": 0.5}
    assert (history.epochs[2].validation, history.epochs[2].evaluation_seconds) == ({"accuracy": 0.7}, 0.5)
    assert history.best is history.epochs[2]
    assert history.test is not None
    assert history.test["metrics"] == {"accuracy": 0.69}
    assert list(history.logs) == [(history.logs[0][0], "warning", "hm")]
    assert history.ended is not None
    assert (history.ended.reason, history.train_seconds, history.step) == ("all epochs done", 4.5, 20)
    assert history.elapsed == tape.elapsed


def test_a_later_attempt_supersedes_what_came_after_its_start() -> None:
    tape = Tape()
    tape.start()
    for number in (1, 2, 3):
        tape.epoch(number, 0.9, loss=1.0)
    tape.add(RunEnded("preempted", "", None, 3, 30, 9.0, 6.0))
    tape.start(step=10)
    history = tape.fold()
    assert history.ended is None
    assert list(history.epochs) == [1]
    assert len(history.points) == 10
    assert {len(column) for column in history.points.columns()} == {10}
    assert [record["step"] for record in history.checkpoints] == [10]
    assert history.train_seconds == 2.0
    tape.epoch(2, 0.95, loss=0.1)
    history = tape.fold()
    assert list(history.points.loss) == [1.0] * 10 + [0.1] * 10
    assert history.train_seconds == 4.0
    assert history.elapsed == 14 + 5
    assert (history.attempts, history.attempts_started) == (2, 2)


def test_resuming_inside_an_epoch_keeps_its_first_steps_and_their_time() -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    for last in (14, 18):
        steps, column = list(range(last - 3, last + 1)), [1.0] * 4
        tape.add(Trained(2, steps, column, column, column, {}, column, 0.25, 1.0))
    assert tape.fold().train_seconds == 2.5
    tape.start(step=14)
    history = tape.fold()
    assert list(history.points.steps) == list(range(1, 15))
    assert history.train_seconds == 2.25
    assert math.isnan(history.points.metrics["accuracy"][-1])
    assert history.step == 14


def test_the_epochs_of_a_fork_with_a_log_of_its_own_are_counted_from_its_parents() -> None:
    """With other batches it inherits no records; the first epoch of its own is the parent's next."""
    tape = Tape()
    assert tape.fold().epochs_done == 0
    tape.start(step=2 * STEPS)
    assert (tape.fold().epochs_done, tape.fold().first_epoch) == (2, 2)
    tape.epoch(3, 0.5)
    tape.epoch(4, 0.6)
    tape.start(step=3 * STEPS)
    assert (tape.fold().epochs_done, tape.fold().first_epoch) == (3, 2), "it was resumed"
    tape.epoch(4, 0.7)
    history = tape.fold()
    assert (history.epochs_done, len(history.epochs)) == (4, 2)
    assert [history.as_of(step).epochs_done for step in (2 * STEPS, 3 * STEPS)] == [2, 3]
    assert condition.met(condition.parse("epoch>=4"), history) is not None
    assert wording.trained_epochs(history) == "epochs 3 to 4"
    assert wording.trained_epochs(history.as_of(3 * STEPS)) == "epoch 3"
    assert wording.trained_epochs(history.as_of(2 * STEPS)) == "0 epochs"
    assert closing.outcome(history, "finished", "").startswith("finished: epochs 3 to 4 in ")


def test_other_runs_count_their_epochs_from_their_start() -> None:
    tape = Tape()
    tape.start()
    assert tape.fold().epochs_done == 0
    tape.epoch(1, 0.5)
    tape.epoch(2, 0.6)
    tape.start(step=STEPS)
    history = tape.fold()
    assert (history.epochs_done, history.first_epoch, wording.trained_epochs(history)) == (1, 0, "1 epoch")
    # The line of its first epoch is lost.
    tape = Tape()
    tape.start()
    tape.epoch(2, 0.6)
    assert tape.fold().epochs_done == 2


@pytest.mark.parametrize(
    ("mode", "values", "best"),
    [
        ("max", [0.5, 0.9, 0.9, 0.1], 2),
        ("min", [0.5, 0.1, 0.1, 0.9], 2),
        ("max", [math.nan, 0.1, math.nan], 2),
        ("max", [math.nan], None),
        ("max", [], None),
    ],
)
def test_best_is_the_earliest_of_equals_and_never_nan(mode: str, values: list[float], best: int | None) -> None:
    tape = Tape()
    tape.start(mode=mode)
    for number, value in enumerate(values, 1):
        tape.epoch(number, value)
    found = tape.fold().best
    assert (found.epoch if found else None) == best


def test_of_equals_the_one_that_the_run_took_is_best() -> None:
    """An older version took the earliest; a replay shows what was best by then."""
    tape = Tape()
    tape.start()
    for number, (value, best) in enumerate([(0.5, True), (0.9, True), (0.9, False), (0.9, True), (0.9, False)], 1):
        tape.epoch(number, value, best=best)
    history = tape.fold()
    assert history.best is not None
    assert history.best.epoch == 4
    past = history.as_of(3 * STEPS).best
    assert past is not None
    assert past.epoch == 2


def test_where_no_epoch_has_a_value_the_loss_decides() -> None:
    tape = Tape()
    tape.start()
    asked = tape.fold().monitor
    assert asked == {"metric": "accuracy", "split": "validation", "mode": "max"}
    for number, (loss, best) in enumerate([(3.0, True), (2.0, True), (2.0, False), (2.5, False)], 1):
        tape.epoch(number, math.nan, best=best, validation_loss=loss)
    history = tape.fold()
    assert history.best is not None
    assert history.best.epoch == 2
    assert history.monitor == {"metric": "loss", "split": "validation", "mode": "min"}
    tape.epoch(5, 0.1, best=True, validation_loss=9.0)
    history = tape.fold()
    assert history.best is history.epochs[5], "the first value is better than none"
    assert history.monitor == asked
    assert history.as_of(4 * STEPS).monitor == {"metric": "loss", "split": "validation", "mode": "min"}


def test_learning_rates_set_by_people_hold_over_attempts() -> None:
    tape = Tape()
    tape.start()
    tape.add(command("set", 30, lr=0.3))
    tape.add(command("pause", 31))
    tape.add(command("set", 40, lr=0.4))
    tape.start(step=20)
    assert tape.fold().lr_changes == [(30, 0.3), (40, 0.4)]
    tape.add(command("set", 35, lr=0.5))
    assert tape.fold().lr_changes == [(30, 0.3), (35, 0.5)]
    tape.add(command("set", 0, lr=0.1))
    assert tape.fold().lr_changes == [(0, 0.1)]


def test_an_evaluation_whose_epoch_line_is_damaged_is_kept() -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    del tape.records[2]
    history = tape.fold()
    assert history.epochs[1].validation == {"accuracy": 0.5}
    assert history.best is history.epochs[1]


def test_a_metric_that_appears_later_or_goes_has_gaps() -> None:
    tape = Tape()
    tape.start()
    one = [1.0]
    tape.add(Trained(1, [1], one, one, one, {"a": one}, one, 1.0, 1.0))
    tape.add(Trained(1, [2], one, one, one, {"b": one}, one, 1.0, 1.0))
    metrics = tape.fold().points.metrics
    assert [math.isnan(value) for value in metrics["a"]] == [False, True]
    assert [math.isnan(value) for value in metrics["b"]] == [True, False]


def test_seconds_that_are_no_number_count_as_none() -> None:
    tape = Tape()
    tape.start()
    tape.records[-1]["elapsed"] = "1E310"
    assert tape.fold().elapsed == 0


def test_null_is_nan() -> None:
    tape = Tape()
    tape.start()
    nothing: list[Any] = [None]
    tape.add(Trained(1, [1], nothing, nothing, nothing, {"a": nothing}, nothing, 1.0, 1.0))
    tape.add(EpochEnded(1, 10, {"loss": None}, 0.1, 1.0, 1.0))  # type: ignore[dict-item]
    history = tape.fold()
    assert math.isnan(history.points.loss[0])
    assert math.isnan(history.epochs[1].train["loss"])


def test_folding_in_pieces_is_folding_at_once() -> None:
    tape = Tape()
    tape.start()
    for number in (1, 2, 3):
        tape.epoch(number, 0.9)
    tape.start(step=20)
    tape.epoch(3, 0.5)
    whole, pieces = tape.fold(), History()
    for record in tape.records:
        pieces.fold([record])
        # Asking in between, as a screen does, changes nothing.
        assert pieces.best is None or pieces.best.epoch in pieces.epochs
        assert pieces.train_seconds >= 0
    assert pieces.points == whole.points
    assert pieces.epochs == whole.epochs
    assert (pieces.best, pieces.elapsed, pieces.train_seconds) == (whole.best, whole.elapsed, whole.train_seconds)


def test_types_of_the_future_are_skipped() -> None:
    tape = Tape()
    tape.start()
    tape.records.append({"seq": 2, "time": 1.0, "attempt": 1, "type": "teleported", "to": "mars"})
    tape.records.append({**tape.records[0], "seq": 3, "extra": "field"})
    assert tape.fold().attempts == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({name for event in EVENTS.values() for name in event.__dataclass_fields__} | {"elapsed"})


# Values of any shape take their time to be made on a busy machine.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(EVENTS)),
    st.dictionaries(st.sampled_from(NAMES), JSON),
)
def test_malformed_events_change_nothing_that_is_shown(kind: str, fields: dict[str, Any]) -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    history = tape.fold()
    envelope = {"seq": 99, "time": 2000.0, "attempt": 1, "type": kind}
    base = next((record for record in tape.records if record["type"] == kind), {})
    history.fold([{**base, **fields, **envelope}])
    assert len({len(column) for column in history.points.columns()}) == 1
    assert history.step >= 0
    assert history.train_seconds is not None
    assert history.best is None or history.best.epoch in history.epochs
    assert isinstance(history.lr_changes, list)
    assert history.attempt is not None
    assert type(history.attempt.total_steps) is int
    assert isinstance(history.attempt.dataset, dict)


@pytest.mark.parametrize("wrong", ["x", [1], {"train": "9"}, {"train": [1]}, {"train": 10**400}])
def test_of_an_attempt_only_what_is_of_its_type_is_kept(wrong: object) -> None:
    tape = Tape()
    tape.start()
    of_layers = [3, {"name": "a", "parameters": "many"}]
    devices = {"name": "cpu", "title": [1]}
    dataset = {"sizes": wrong, "name": "blobs", "classes": [1]}
    tape.records[0] |= {"dataset": dataset, "device": devices, "layers": of_layers, "versions": {"torch": 2}}
    attempt = tape.fold().attempt
    assert attempt is not None
    assert (attempt.dataset, attempt.device, attempt.versions) == ({"name": "blobs"}, {"name": "cpu"}, {})
    assert attempt.layers == [{"name": "a"}]
    assert attempt_line(tape.fold()).startswith("0 train and 0 validation samples")


def test_times_that_are_no_numbers_count_nothing() -> None:
    tape = Tape()
    tape.start()
    tape.add(RunEnded("finished", "", None, 0, 0, math.inf, math.nan))
    history = tape.fold()
    assert history.ended is not None
    assert (history.ended.seconds, history.train_seconds) == (0.0, 0.0)


def test_further_metrics_are_kept_apart() -> None:
    tape = Tape()
    tape.start()
    tape.epoch(1, 0.5)
    tape.add(Evaluated("validation", 1, STEPS, {"loss": 1.0, "accuracy": 0.5}, 0.1, True, {"f1": 0.4}))
    tape.add(Evaluated("test", 1, STEPS, {"loss": 1.0, "accuracy": 0.5}, 0.1, more={"f1": 0.3}))
    history = tape.fold()
    assert history.epochs[1].more == {"f1": 0.4}
    assert "f1" not in history.metric_names
    assert history.more_names == ("f1",)
    assert history.test is not None
    assert history.test["more"] == {"f1": 0.3}
    for record in tape.records:
        record.pop("more", None)
    before = tape.fold()
    assert before.epochs[1].more == {}
    assert before.test is not None
    assert before.test["more"] == {}
