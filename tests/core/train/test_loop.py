"""The training loop with a NumPy model: what it says, when it obeys, and that resuming changes nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import pytest

from dltui.core.contract import Data, Spec, Split, StepStats
from dltui.core.errors import RunError
from dltui.core.rundir.commands import Command
from dltui.core.rundir.events import CommandObeyed, EpochEnded, Evaluated, Event, Logged, Trained
from dltui.core.train.loop import Loop
from dltui.core.train.plan import Planner
from dltui.core.train.position import Progress, Snapshot
from tests.fakes.fake_plugin import BlobsOptions, NumpyTrainable, SoftmaxConfig, build, make_blobs

if TYPE_CHECKING:
    from dltui.core.contract.types import SplitName, State

T = TypeVar("T", bound=Event)


class Quiet:
    data_dirs: tuple[Path, ...] = ()
    downloads = Path()

    def progress(self, text: str, fraction: float | None = None) -> None: ...


class Memory:
    """A journal in memory. `script` maps a number of steps to the command that comes in when that many are done."""

    def __init__(self, script: dict[int, Command] | None = None) -> None:
        self.events: list[Event] = []
        self.snapshots: list[Snapshot] = []
        self.files: dict[str, Any] = {}
        self.script = dict(script or {})
        self.step = 0

    def emit(self, event: Event, sync: bool = False) -> None:
        self.events.append(event)

    def phase(self, name: str, detail: str = "") -> None: ...

    def totals(self, epochs: int, total_steps: int) -> None:
        pass

    def progress(self, step: int, epoch: int) -> None:
        self.step = step

    def commands(self) -> list[Command]:
        due = [at for at in sorted(self.script) if at <= self.step]
        return [self.script.pop(at) for at in due]

    def obeyed(self, command: Command) -> None: ...

    def keep(self, record: dict[str, Any]) -> None: ...

    def commit(self, snapshots: list[Snapshot], files: dict[str, Any]) -> None:
        self.snapshots += snapshots
        self.files |= files

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def data() -> Data:
    return make_data()


def make_data() -> Data:
    """Blobs: 200 rows to train on, 40 to validate."""
    arrays = make_blobs(BlobsOptions(n=300), Quiet())
    (x, y), test = arrays.train, arrays.test
    parts = [Split(x[:200], y[:200], np.arange(200)), Split(x[200:], y[200:], np.arange(200, len(y)))]
    spec = Spec("classification", (8, 8, 1), 3, arrays.classes, mean=(50.0,), std=(60.0,))
    return Data("blobs", spec, *parts, Split(*test, np.arange(len(test[1]))), "f")


CONFIG = SoftmaxConfig(epochs=4, batch_size=10, schedule="one-cycle", lr=0.05, checkpoint_seconds=0.05)


def make_loop(
    data: Data,
    journal: Memory,
    config: SoftmaxConfig = CONFIG,
    resume: Snapshot | None = None,
    changes: list[tuple[int, float]] | None = None,
    clock: Callable[[], float] | None = None,
    kind: type[NumpyTrainable] = NumpyTrainable,
    **arguments: Any,
) -> Loop:
    trainable = kind(build(config, data.spec), config, data)
    progress = None
    if resume:
        trainable.load_state(resume.state)
        progress = Progress.from_json(resume.loop_state)
    ticks = itertools.count()
    clock = clock or (lambda: next(ticks) * 0.01)
    planner = Planner(config, 200, changes or [], data.spec.input_shape)
    return Loop(trainable, data, planner, journal, progress, clock=clock, **arguments)


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def command(action: str, **arguments: Any) -> Command:
    return Command(id=f"id-{action}", action=action, arguments=arguments, by="me", sent=0.0, path=Path())


def test_it_learns_and_says_so(data: Data) -> None:
    journal = Memory()
    loop = make_loop(data, journal)
    assert loop.run() == "finished"
    validation = [event for event in journal.of(Evaluated) if event.split == "validation"]
    assert [event.epoch for event in validation] == [1, 2, 3, 4]
    assert validation[-1].metrics["accuracy"] > 0.8
    assert [event.step for event in journal.of(EpochEnded)] == [20, 40, 60, 80]
    steps = [step for event in journal.of(Trained) for step in event.steps]
    assert steps == list(range(1, 81))
    best = max(event.metrics["accuracy"] for event in validation)
    assert loop.at.best is not None
    assert loop.at.best.value == best
    assert [event.best for event in validation].index(True) == 0


def test_epoch_means_are_over_all_samples_of_the_epoch(data: Data) -> None:
    journal = Memory()
    make_loop(data, journal).run()
    trained = [value for event in journal.of(Trained) if event.epoch == 1 for value in event.loss]
    assert journal.of(EpochEnded)[0].train["loss"] == pytest.approx(np.mean(trained), rel=1e-5)


def test_the_rate_of_an_epoch_is_written_as_it_was_given(data: Data) -> None:
    journal = Memory()
    make_loop(data, journal, SoftmaxConfig(epochs=1, batch_size=10, lr=0.003)).run()
    assert [event.lr for event in journal.of(EpochEnded)] == [0.003]


def test_the_clock_changes_neither_weights_nor_events(data: Data) -> None:
    slow, fast = Memory(), Memory()
    ticks, leaps = itertools.count(), itertools.count()
    one = make_loop(data, slow, clock=lambda: next(ticks) * 1.0)
    other = make_loop(data, fast, clock=lambda: next(leaps) * 1e-5)
    one.run()
    other.run()
    assert same(one.trainable.state(), other.trainable.state())
    for before, after in zip(slow.of(EpochEnded), fast.of(EpochEnded), strict=True):
        assert before.train == after.train


def test_resuming_from_any_checkpoint_gives_the_same_run(data: Data) -> None:
    changes = [(33, 0.02)]
    whole = Memory()
    slow = itertools.count()
    loop = make_loop(data, whole, changes=changes, clock=lambda: next(slow) * 0.06)
    loop.run()
    middles = [snapshot for snapshot in whole.snapshots if snapshot.step % 20]
    assert len(middles) > 3
    for snapshot in whole.snapshots:
        journal = Memory()
        again = make_loop(data, journal, resume=snapshot, changes=changes)
        again.run()
        assert same(again.trainable.state(), loop.trainable.state())
        assert again.at.best == loop.at.best
        ended = {event.epoch: event.train for event in whole.of(EpochEnded)}
        for event in journal.of(EpochEnded):
            assert event.train == ended[event.epoch]


def test_resuming_with_augmentation_sees_the_same_images(data: Data) -> None:
    config = CONFIG.model_copy(update={"augment": "flip+shift"})
    whole, plain = Memory(), Memory()
    slow = itertools.count()
    loop = make_loop(data, whole, config, clock=lambda: next(slow) * 0.06)
    loop.run()
    middle = next(snapshot for snapshot in whole.snapshots if snapshot.step % 20)
    again = make_loop(data, Memory(), config, resume=middle)
    again.run()
    assert same(again.trainable.state(), loop.trainable.state())
    unchanged = make_loop(data, plain)
    unchanged.run()
    assert not same(unchanged.trainable.state(), loop.trainable.state())


def test_stop_keeps_what_was_done_and_resuming_goes_on_as_if_nothing_happened(data: Data) -> None:
    whole = Memory()
    loop = make_loop(data, whole)
    loop.run()
    journal = Memory({27: command("stop")})
    stopped = make_loop(data, journal)
    assert stopped.run() == "stopped"
    last = journal.snapshots[-1]
    assert 27 <= last.step < 80
    again = make_loop(data, Memory(), resume=last)
    assert again.run() == "finished"
    assert same(again.trainable.state(), loop.trainable.state())


def test_preemption_in_an_evaluation_loses_nothing(data: Data) -> None:
    whole = Memory()
    loop = make_loop(data, whole)
    loop.run()
    journal = Memory()
    interrupted = make_loop(data, journal, quitting=lambda: journal.step >= 20)
    assert interrupted.run() == "preempted"
    assert journal.snapshots[-1].step == 20
    again = make_loop(data, Memory(), resume=journal.snapshots[-1])
    assert again.run() == "finished"
    assert same(again.trainable.state(), loop.trainable.state())
    assert again.at.best == loop.at.best


def test_a_pause_holds_and_a_checkpoint_is_made_in_it(data: Data) -> None:
    journal = Memory()
    loop = make_loop(data, journal, SoftmaxConfig(**{**CONFIG.model_dump(), "checkpoint_seconds": 1000.0}))
    queue = [[command("pause")], [], [command("checkpoint")], [command("resume")]]
    asked: list[int] = []

    def commands() -> list[Command]:
        asked.append(journal.step)
        return queue.pop(0) if queue and journal.step >= 5 else []

    journal.commands = commands  # type: ignore[method-assign]
    assert loop.run() == "finished"
    assert not queue
    paused_at = next(step for step in asked if step >= 5)
    assert asked.count(paused_at) == 4
    assert journal.snapshots[0].step == paused_at


def test_in_the_test_no_checkpoint_is_made_and_the_epochs_are_those_done(data: Data) -> None:
    """The weights are then those of the best epoch: a run that goes on from the newest checkpoint would have them."""
    asked: list[int] = []

    def metrics(outputs: Any, targets: Any) -> dict[str, float]:
        asked.append(len(targets))
        if len(asked) > CONFIG.epochs:
            raise ValueError("in the test")
        return {"own": 1.0}

    journal = Memory()
    loop = make_loop(data, journal, metrics=metrics)
    assert loop.run() == "finished"
    saved = len(journal.snapshots)
    journal.script = {loop.step: command("checkpoint")}
    loop.evaluate("test")
    assert (len(journal.snapshots), loop.orders.checkpoint) == (saved, False)
    assert [(event.action, event.epoch, event.step) for event in journal.of(CommandObeyed)] == [("checkpoint", 4, 80)]
    (told,) = journal.of(Logged)
    assert told.text.startswith("the model's own metrics failed after 4 epochs and are left out")


def test_a_run_that_goes_on_knows_the_loss_at_its_start(data: Data) -> None:
    journal = Memory()
    loop = make_loop(data, journal)
    loop.run()
    assert loop.at.first_loss is not None
    again = make_loop(data, Memory(), resume=journal.snapshots[-1])
    assert again._spikes.first == loop.at.first_loss


def test_a_new_lr_is_acknowledged_with_its_step_and_holds_from_it(data: Data) -> None:
    journal = Memory({10: command("set", lr=0.01, at_step=50)})
    loop = make_loop(data, journal)
    loop.run()
    assert [(event.action, event.step, event.arguments) for event in journal.of(CommandObeyed)] == [
        ("set", 50, {"lr": 0.01})
    ]
    planned = Memory()
    expected = make_loop(data, planned, changes=[(50, 0.01)])
    expected.run()
    assert same(loop.trainable.state(), expected.trainable.state())


@pytest.mark.parametrize("lr", [0, -1, 11, "fast", None, True, float("nan")])
def test_a_wrong_lr_is_refused_aloud(data: Data, lr: object) -> None:
    journal = Memory({10: command("set", lr=lr)})
    loop = make_loop(data, journal)
    loop.run()
    assert journal.of(CommandObeyed)[0].action == "ignored"
    assert "lr must be" in journal.of(Logged)[0].text
    assert loop.planner.changes == []


def test_a_loss_that_is_not_finite_names_its_step_and_keeps_the_last_good_checkpoint(data: Data) -> None:
    class Exploding(NumpyTrainable):
        def advance(self, steps: int) -> StepStats:
            first = self.steps_done
            stats = super().advance(steps)
            loss = stats.loss.copy()
            loss[[first + i >= 52 for i in range(steps)]] = np.nan
            return StepStats(loss, stats.metrics)

    journal = Memory()
    loop = make_loop(data, journal, kind=Exploding)
    with pytest.raises(RunError, match=r"not a finite number at step 53; try lr 0\.005"):
        loop.run()
    assert journal.snapshots[-1].step <= 52


def test_a_named_loss_that_is_not_finite_is_told_once_and_ends_nothing(data: Data) -> None:
    class Parted(NumpyTrainable):
        def advance(self, steps: int) -> StepStats:
            first = self.steps_done
            stats = super().advance(steps)
            part = np.array([np.nan if first + i == 12 else 1.0 for i in range(steps)])
            return StepStats(stats.loss, {**stats.metrics, "part": part})

    journal = Memory()
    loop = make_loop(data, journal, kind=Parted)
    loop.run()
    told = [event.text for event in journal.of(Logged) if event.level == "warning"]
    assert told == ["part is not a finite number at step 13; the loss is"]
    at = Progress(step_in_epoch=1, sums={"loss": 2.0, "part": np.nan})
    kept = json.loads(json.dumps(at.to_json(), allow_nan=False))
    assert kept["sums"] == {"loss": 2.0, "part": None}
    assert np.isnan(Progress.from_json(kept).sums["part"])


def test_weights_that_are_not_finite_are_never_saved(data: Data) -> None:
    class Poisoned(NumpyTrainable):
        def state(self) -> State:
            state = super().state()
            if self.steps_done >= 40:
                state["weights/dense/kernel"][0, 0] = np.inf
            return state

    journal = Memory()
    loop = make_loop(data, journal, kind=Poisoned)
    with pytest.raises(RunError, match="weights dense/kernel are not finite"):
        loop.run()
    assert all(snapshot.step < 40 for snapshot in journal.snapshots)
    assert journal.snapshots


def test_epochs_shorter_than_a_second_are_committed_together_and_the_best_is_among_them(data: Data) -> None:
    journal = Memory()
    ticks = itertools.count()
    config = SoftmaxConfig(**{**CONFIG.model_dump(), "checkpoint_seconds": 1000.0, "epochs": 30})
    loop = make_loop(data, journal, config, clock=lambda: next(ticks) * 1e-3)
    loop.run()
    assert len(journal.snapshots) < 10
    assert loop.at.best is not None
    best = [snapshot for snapshot in journal.snapshots if snapshot.best]
    assert best[-1].step == loop.at.best.step
    assert journal.snapshots[-1].step == 600


@pytest.mark.parametrize(
    ("min_delta", "says"),
    [(0.001, "no validation accuracy better by more than 0.001"), (0.0, "no better validation accuracy")],
)
def test_patience_ends_the_run_and_says_why(data: Data, min_delta: float, says: str) -> None:
    config = CONFIG.model_copy(update={"epochs": 50, "patience": 3, "min_delta": min_delta})
    journal = Memory()
    loop = make_loop(data, journal, config)
    assert loop.run() == "finished"
    epochs = len(journal.of(EpochEnded))
    assert epochs < 50
    assert loop.at.counted is not None
    assert loop.at.counted.epoch == epochs - 3
    assert loop.reason == f"stopped early: {says} for 3 epochs, since epoch {epochs - 3}"
    assert journal.snapshots[-1].step == loop.step, "the last epoch is saved"
    # Killed right after that checkpoint, it is over, too.
    again = make_loop(data, Memory(), config, resume=journal.snapshots[-1])
    assert again.run() == "finished"
    assert (again.step, again.reason) == (loop.step, loop.reason)


class OneSplit(NumpyTrainable):
    """Notes which splits are looked at."""

    seen: ClassVar[set[str]] = set()

    def predict(self, split: SplitName, rows: slice) -> Any:
        self.seen.add(split)
        return super().predict(split, rows)


def test_early_stopping_never_touches_the_test_split(data: Data) -> None:
    """The test split may even be worth nothing: what ends the run, and which epoch is best, is the same."""
    config = CONFIG.model_copy(update={"epochs": 50, "patience": 3})
    ends = []
    for noise in (0, 7):
        other = Split(data.test.x + np.uint8(noise), np.roll(data.test.y, noise), data.test.ids)
        loop = make_loop(replace(data, test=other), Memory(), config, kind=OneSplit)
        assert loop.run() == "finished"
        ends.append((loop.step, loop.at.best, loop.reason))
    assert OneSplit.seen == {"validation"}
    assert ends[0] == ends[1]
    assert "stopped early" in ends[0][2]


def test_a_run_for_a_time_ends_with_it_and_its_schedule(data: Data) -> None:
    config = CONFIG.model_copy(update={"max_time": "30s", "schedule": "cosine"})
    journal = Memory()
    ticks = itertools.count()
    loop = make_loop(data, journal, config, clock=lambda: next(ticks) * 0.05)
    assert loop.run() == "finished"
    assert 28 < loop.at.train_seconds < 32
    assert loop.reason.startswith("trained for")
    rates = [rate for event in journal.of(Trained) for rate in event.lr]
    assert rates[0] == pytest.approx(0.05, rel=1e-3)
    assert rates[-1] < 1e-4
    fits = [event for event in journal.of(CommandObeyed) if event.action == "fit"]
    assert fits[-1].arguments["total"] == loop.step
    assert journal.snapshots[-1].step == loop.step
    # From a checkpoint in the middle and with what the log tells, the plan is the same.
    middle = journal.snapshots[len(journal.snapshots) // 2]
    known = [(event.step, event.arguments["total"]) for event in fits if event.step <= middle.step]
    planner = Planner(config, 200, (), data.spec.input_shape, fits=known)
    steps = np.arange(middle.step, middle.step + 1)
    said = {step: rate for event in journal.of(Trained) for step, rate in zip(event.steps, event.lr, strict=True)}
    if middle.step + 1 in said:
        assert planner.learning_rates(steps)[0] == pytest.approx(said[middle.step + 1], rel=1e-3)


def test_a_standstill_is_no_training(data: Data) -> None:
    """The process is stopped for longer than its time, and goes on."""
    ticks, stopped = itertools.count(), [0.0]

    def clock() -> float:
        tick = next(ticks)
        if tick == 40:
            stopped[0] = 60.0
        return tick * 0.01 + stopped[0]

    config = CONFIG.model_copy(update={"max_time": "5s", "schedule": "cosine"})
    whole, loop = (
        make_loop(data, Memory(), config),
        make_loop(data, Memory(), config, clock=clock, standstill=lambda: stopped[0]),
    )
    assert (whole.run(), loop.run()) == ("finished", "finished")
    assert loop.step == whole.step
    assert loop.at.train_seconds == pytest.approx(whole.at.train_seconds)


def test_a_warm_up_longer_than_the_time_is_told_once(data: Data) -> None:
    config = CONFIG.model_copy(update={"max_time": "30s", "warmup": 900.0})
    journal, ticks = Memory(), itertools.count()
    make_loop(data, journal, config, clock=lambda: next(ticks) * 0.05).run()
    assert [event.text for event in journal.of(Logged) if "warmup takes 900" in event.text] != []
    assert len(journal.of(Logged)) == 1


@pytest.mark.parametrize("at", [7, 20, 33])
def test_a_release_ends_the_loop_with_a_checkpoint_and_it_goes_on_bit_for_bit(data: Data, at: int) -> None:
    """Also at step 20, where the first epoch is evaluated."""
    whole = Memory()
    make_loop(data, whole).run()
    journal = Memory({at: command("pause", release=True)})
    assert make_loop(data, journal).run() == "released"
    rest = Memory()
    assert make_loop(data, rest, resume=journal.snapshots[-1]).run() == "finished"
    assert same(whole.snapshots[-1].state, rest.snapshots[-1].state)


def test_the_last_word_before_a_release_counts(data: Data) -> None:
    class AtOnce(Memory):
        """Two commands that lie there together."""

        def commands(self) -> list[Command]:
            sent = [command("pause", release=True), command(second)] if self.step and not self.events_of else []
            self.events_of = self.events_of or sent
            return sent

        events_of: ClassVar[list[Command]] = []

    for second, ending in (("stop", "stopped"), ("resume", "finished"), ("pause", "released")):
        assert make_loop(data, AtOnce()).run() == ending, second
