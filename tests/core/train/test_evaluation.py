"""The first look at a model of somebody else's, and a loss of its own in evaluations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Data, Spec, Split
from dltui.core.errors import RunError
from dltui.core.rundir.events import Evaluated, Logged
from dltui.core.tasks.classification.arithmetic import PROBABILITIES
from dltui.core.tasks.monitor import Monitor, choose_monitor
from dltui.core.train import evaluation, first_look
from dltui.core.train.loop import Loop
from dltui.core.train.plan import Planner
from dltui.core.train.position import Best, Progress
from dltui.core.worker import twin_record
from tests.core.train.test_loop import Memory
from tests.fakes.fake_plugin import NumpyTrainable, SoftmaxConfig, build

CONFIG = SoftmaxConfig(epochs=3, batch_size=10)
ACCURACY = choose_monitor("classification")


def make_data(classes: int = 3, rows: int = 60) -> Data:
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        x = random.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
        return Split(x, np.arange(count) % classes, np.arange(count))

    spec = Spec("classification", (4, 4, 1), classes, tuple("abcdef"[:classes]), (127.5,), (74.0,))
    return Data("noise", spec, split(rows), split(21), split(30), "f")


class Gives(NumpyTrainable):
    """A trainable whose outputs are changed, and whose loss of its own is `loss`."""

    def __init__(self, data: Data, change: Callable[[Any], Any] = lambda y: y, loss: Any = None) -> None:
        super().__init__(build(CONFIG, data.spec), CONFIG, data)
        self.change, self.loss, self.own_loss = change, loss, loss is not None

    def predict(self, split: Any, rows: slice) -> Any:
        return self.change(super().predict(split, rows))

    def evaluate(self, split: Any, rows: slice) -> tuple[Any, float]:
        return self.predict(split, rows), self.loss(rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y[:, :1], r"gives float32 \(4, 1\), wanted is float32 \(4, 3\) for 4 samples"),
        (lambda y: y[:, 0], r"gives float32 \(4,\), wanted"),
        (lambda y: y.astype(np.float64), r"gives float64 \(4, 3\), wanted"),
        (lambda y: (y, y), "gives tuple, wanted"),
        (lambda y: y * np.nan, "gives NaN or infinity before anything is trained"),
    ],
)
def test_outputs_that_cannot_be_trained(change: Callable[[Any], Any], words: str) -> None:
    data = make_data()
    with pytest.raises(RunError, match=words):
        first_look.look(Gives(data, change), data, None, ACCURACY)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_first_look_has_not_as_many_rows_as_outputs(classes: int) -> None:
    """Else targets of a wrong shape would fit by chance."""
    data = make_data(classes)
    asked: list[slice] = []
    found = Gives(data, loss=lambda rows: asked.append(rows) or 1.0)
    assert first_look.look(found, data, None, ACCURACY) == []
    assert [rows.stop for rows in asked] == [4 if classes == 3 else 3]


def test_probabilities_instead_of_logits_are_said() -> None:
    data = make_data()

    def softmax(y: Any) -> Any:
        return (np.exp(y) / np.exp(y).sum(1, keepdims=True)).astype(np.float32)

    assert first_look.look(Gives(data, softmax), data, None, ACCURACY) == [PROBABILITIES]


def test_metrics_are_asked_once_with_every_row() -> None:
    data = make_data()
    seen: list[tuple[int, int]] = []

    def metrics(outputs: Any, targets: Any) -> dict[str, float]:
        seen.append((len(outputs), len(np.unique(targets))))
        return {"f1": 0.5}

    first_look.look(Gives(data), data, metrics, Monitor("f1", "validation", "max"))
    assert seen == [(21, 3)]


def fails(outputs: Any, targets: Any) -> dict[str, float]:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("metrics", "monitor", "words"),
    [
        (fails, "", "Model.metrics failed: ZeroDivisionError: division by zero"),
        (lambda o, t: 0.5, "", r"metrics returned float; return \{name: number\}"),
        (lambda o, t: None, "", "metrics returned NoneType; return"),
        (lambda o, t: {"f1": 1.0}, "f2", "the monitor asks for f2, but an evaluation gives loss, accuracy, f1"),
        (None, "-mse", "the monitor asks for mse, but an evaluation gives loss, accuracy"),
    ],
)
def test_metrics_that_would_end_the_run(metrics: Any, monitor: str, words: str) -> None:
    data = make_data()
    with pytest.raises(RunError, match=words):
        first_look.look(Gives(data), data, metrics, choose_monitor("classification", monitor))


def test_a_loss_of_its_own_that_is_no_number() -> None:
    data = make_data()
    with pytest.raises(RunError, match="training_loss gives nan before anything is trained"):
        first_look.look(Gives(data, loss=lambda rows: np.nan), data, None, ACCURACY)


@pytest.mark.parametrize(
    ("asked", "metric", "mode"),
    [
        ("f1", "f1", "max"),
        ("-f1", "f1", "min"),
        ("-loss", "loss", "min"),
        ("loss", "loss", "min"),
        ("mse", "mse", "min"),
    ],
)
def test_monitors(asked: str, metric: str, mode: str) -> None:
    assert choose_monitor("regression", asked) == Monitor(metric, "validation", mode)
    assert choose_monitor("regression") == Monitor("loss", "validation", "min")
    assert Monitor("accuracy", "validation", "max") == ACCURACY


def test_what_is_no_number_is_never_the_best() -> None:
    for mode in ("max", "min"):
        monitor = Monitor("f1", "validation", mode)
        assert monitor.better(np.nan, None)
        assert not monitor.better(np.nan, 0.5)
        assert not monitor.better(np.nan, np.nan)
        assert monitor.better(0.5, np.nan)
        assert not monitor.better(0.5, 0.5)


def run(found: NumpyTrainable, data: Data, **arguments: Any) -> tuple[Loop, Memory, list[Evaluated]]:
    journal = Memory()
    loop = Loop(found, data, Planner(CONFIG, len(data.train)), journal, **arguments)
    loop.run()
    return loop, journal, [event for event in journal.of(Evaluated) if event.split == "validation"]


def test_the_own_loss_is_that_of_all_splits_and_decides() -> None:
    """Means of parts of a split count by their rows; accuracy stays what it is."""
    data = make_data()
    parts: list[int] = []

    def loss(rows: slice) -> float:
        parts.append(rows.stop - rows.start)
        return {1: 5.0, 2: 3.0, 3: 4.0}[len(parts)]

    loop, _, events = run(Gives(data, loss=loss), data, monitor=choose_monitor("classification", "-loss"))
    assert [event.metrics["loss"] for event in events] == [5.0, 3.0, 4.0]
    assert all(0 <= event.metrics["accuracy"] <= 1 for event in events)
    assert loop.at.best is not None
    assert (loop.at.best.epoch, loop.at.best.value) == (2, 3.0)
    assert [event.best for event in events] == [True, True, False]
    means = evaluation.Means()
    means.add({"loss": 1.0, "kl": 2.0}, 500)
    means.add({"loss": 4.0, "kl": 8.0}, 100)
    assert means.into({"loss": 9.0, "accuracy": 1.0}) == {"loss": 1.5, "accuracy": 1.0, "kl": 3.0}
    assert evaluation.Means().into({"loss": 9.0}) == {"loss": 9.0}


@pytest.mark.parametrize("own", [False, True])
def test_the_mirrored_test_tells_what_the_plain_one_does(own: bool) -> None:
    """A loss of the model's own is not one of outputs, so that it has none of the mirrored images."""
    data = make_data()
    trainable = Gives(data, loss=(lambda rows: 0.05) if own else None)
    trainable.predict_mirrored = lambda split, rows: trainable.predict(split, rows)  # type: ignore[attr-defined]
    loop, *_ = run(trainable, data, metrics=lambda outputs, targets: {"f1": float(np.mean(outputs))})
    plain, _, outputs = loop.evaluate("test")
    mirrored = loop.evaluate_mirrored(outputs)
    wanted = {f"mirrored_{name}": value for name, value in plain.items() if not (own and name == "loss")}
    assert mirrored == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("losses", "best"), [((5.0, 3.0, 4.0), [True, True, False]), ((3.0, 5.0, 3.0), [True, False, False])]
)
def test_on_equal_values_the_lower_loss_decides_and_the_log_says_so(losses: Sequence[float], best: list[bool]) -> None:
    data, coming = make_data(), iter(losses)
    monitor = Monitor("f1", "validation", "max")
    loop, journal, events = run(
        Gives(data, loss=lambda rows: next(coming)), data, metrics=lambda *_: {"f1": 0.5}, monitor=monitor
    )
    assert [event.best for event in events] == best
    assert loop.at.best is not None
    assert loop.at.best.epoch == max(number for number, found in enumerate(best, 1) if found)
    assert [one.step for one in journal.snapshots if one.best][-1] == loop.at.best.step


def test_without_any_value_the_loss_decides_how_long_is_waited_and_who_goes_on() -> None:
    """The warning says that it does."""
    data, coming = make_data(), iter((5.0, 4.0, 3.0, 2.995, 2.992, 1.0))
    config, asked = CONFIG.model_copy(update={"epochs": 6, "patience": 2, "min_delta": 0.01}), []

    def judge(epoch: int, value: float, monitor: Monitor) -> str:
        asked.append((epoch, value, monitor))
        return ""

    found, journal = Gives(data, loss=lambda rows: next(coming)), Memory()
    arguments: Any = {"metrics": lambda *_: {"f1": np.nan}, "monitor": Monitor("f1", "validation", "max")}
    loop = Loop(found, data, Planner(config, len(data.train)), journal, judge=judge, **arguments)
    assert loop.run() == "finished"
    assert loop.reason == "stopped early: no validation loss better by more than 0.01 for 2 epochs, since epoch 3"
    assert asked[:2] == [(number, loss, Monitor("loss", "validation", "min")) for number, loss in ((1, 5.0), (2, 4.0))]


def test_the_best_of_an_older_version_stays_on_a_tie() -> None:
    """Its checkpoint says nothing of the loss; fields of a newer one are dropped."""
    old = {"epoch": 2, "best": {"epoch": 1, "step": 6, "value": 0.5}, "counted": None}
    found = Progress.from_json(old).best
    assert found is not None
    assert not ACCURACY.beats(0.5, 0.1, found.value, found.loss)
    newer = Progress.from_json(old | {"best": {**old["best"], "loss": 0.3, "of_tomorrow": 1}})  # type: ignore[dict-item]
    assert newer.best == Best(1, 6, 0.5, 0.3)
    assert Progress.from_json(newer.to_json()) == newer


def test_a_twin_that_is_measured_keeps_its_own_loss(tmp_path: Path) -> None:
    data = make_data()
    measured = twin_record.begin(Gives(data, loss=lambda rows: 7.0), data, tmp_path, {"start": None})
    assert evaluation.has_own_loss(measured)
    assert evaluation.ask(measured, "test", slice(0, 3))[1] == {"loss": 7.0}


def test_metrics_that_fail_later_take_nothing_from_the_run() -> None:
    """Not even where they decide which epoch is best."""
    data, calls = make_data(), []

    def metrics(outputs: Any, targets: Any) -> dict[str, float]:
        calls.append(1)
        return {"f1": 1 / (2 - len(calls))}

    loop, journal, events = run(Gives(data), data, metrics=metrics, monitor=Monitor("f1", "validation", "max"))
    assert ["f1" in event.metrics for event in events] == [True, False, True]
    (warning,) = journal.of(Logged)
    assert (
        warning.text == "the model's own metrics failed after 2 epochs and are left out: "
        "ZeroDivisionError: division by zero"
    )
    assert loop.at.best is not None
    assert loop.at.best.epoch == 1


def test_what_was_trained_is_kept_whatever_is_raised() -> None:
    """Epochs shorter than a second are committed together: those before the failure as well."""
    data = make_data()

    class Breaks(Gives):
        def predict(self, split: Any, rows: slice) -> Any:
            if self.steps_done > 12:
                raise ValueError("boom")
            return super().predict(split, rows)

    journal = Memory()
    loop = Loop(Breaks(data), data, Planner(CONFIG, len(data.train)), journal)
    with pytest.raises(ValueError, match="boom"):
        loop.run()
    assert journal.snapshots
    assert "validation-best" in journal.files


def test_nothing_helps_against_nan_at_the_first_step() -> None:
    data = make_data()
    broken = replace(data, train=replace(data.train, x=data.train.x.astype(np.float32) * np.nan))
    with pytest.raises(RunError, match="at step 1, before anything was updated") as caught:
        run(Gives(broken), broken)
    assert caught.value.remedy == {}


def test_further_metrics_stand_beside_and_the_monitored_one_among_those_shown() -> None:
    data = make_data()
    loop, _, events = run(Gives(data), data, monitor=choose_monitor("classification", "validation.f1"))
    for event in events:
        assert list(event.metrics) == ["loss", "accuracy", "f1"]
        assert {"balanced_accuracy", "auroc", "average_precision", "calibration_error"} <= set(event.more)
        assert "f1" not in event.more
    best = max(events, key=lambda event: event.metrics["f1"])
    assert loop.at.best is not None
    assert (loop.at.best.epoch, loop.at.best.value) == (best.epoch, best.metrics["f1"])


def test_a_models_own_metric_takes_the_place_of_ours() -> None:
    data = make_data()
    _, _, events = run(Gives(data), data, metrics=lambda outputs, targets: {"f1": 0.25})
    assert all(event.metrics["f1"] == 0.25 and "f1" not in event.more for event in events)


@pytest.mark.parametrize(
    ("side", "batch", "rows"),
    [(28, 8, 500), (28, 128, 1024), (28, 4096, 5349), (4, 4096, 8192), (224, 16, 27), (224, 64, 64), (4096, 2, 2)],
)
def test_beside_training_on_a_gpu_few_pieces_are_asked_for_and_no_larger_ones_than_a_step(
    side: int, batch: int, rows: int
) -> None:
    spec = replace(make_data().spec, input_shape=(side, side, 3 if side > 200 else 1))
    assert evaluation.rows_beside(spec, batch) == rows


def test_twins_are_measured_in_pieces_as_evaluations_are(tmp_path: Path) -> None:
    data, asked = make_data(), []

    class Small(Gives):
        predict_rows = 7

        def predict(self, split: Any, rows: slice) -> Any:
            asked.append(rows.stop - rows.start)
            return super().predict(split, rows)

    twin_record.begin(Small(data), data, tmp_path, {"start": None})
    assert asked == [7, 7, 7, 7, 2]
