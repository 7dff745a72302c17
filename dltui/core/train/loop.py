"""The training loop, the same for every framework. It knows no model, no file and no screen."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dltui.core.errors import RunError
from dltui.core.numbers import duration
from dltui.core.rundir.events import CommandObeyed, EpochEnded, Evaluated, Logged, Trained
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.tasks.registry import TASKS
from dltui.core.text import plural
from dltui.core.train import predictions
from dltui.core.train.buckets import Buckets
from dltui.core.train.evaluation import Evaluator
from dltui.core.train.metrics import running_sum
from dltui.core.train.options import time_budget
from dltui.core.train.position import Best, Progress, Snapshot
from dltui.core.train.seen import Seen
from dltui.core.train.spikes import Spikes
from dltui.core.train.steering import CommandJournal, Ending, Orders, steered

if TYPE_CHECKING:
    from dltui.core.contract import Data, StepStats, Trainable
    from dltui.core.contract.types import Array, SplitName, State
    from dltui.core.tasks.monitor import Monitor
    from dltui.core.train.metrics import Outputs, OwnMetrics
    from dltui.core.train.plan import Planner

CHUNK_SECONDS = 0.1
"""The time in seconds of a chunk of steps, which is the delay of a command."""
TRAINED_SECONDS = 0.5
"""The time in seconds between new points of the curve."""
COMMIT_SECONDS = 1.0
"""Shorter epochs are committed together."""
FIRST_STEP = (
    "the loss is not a finite number at step 1, before anything was updated: no learning rate helps; look at the "
    "arithmetic of the network and its loss, and at the data"
)
_TESTING = ("evaluating", "test")


class Listener(CommandJournal, Protocol):
    """The part of the journal that the loop needs."""

    def progress(self, step: int, epoch: int) -> None: ...
    def totals(self, epochs: int, total_steps: int) -> None: ...
    def commit(self, snapshots: list[Snapshot], files: dict[str, dict[str, Array]]) -> None: ...
    def keep(self, record: dict[str, Any]) -> None: ...


Judge = Callable[[int, float, "Monitor"], str]
"""Gets the number of epochs that are done, their best value and the monitor that decides on it; returns the reason to
end, or ""."""


class Preempted(Exception):
    """The process has to go in the middle of an evaluation: for the machine, or because the device is given back."""


class Loop:
    """Trains a `Trainable` from a position to the end of the plan, or until a stop is requested."""

    def __init__(
        self,
        trainable: Trainable,
        data: Data,
        planner: Planner,
        journal: Listener,
        progress: Progress | None = None,
        quitting: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.perf_counter,
        metrics: OwnMetrics | None = None,
        monitor: Monitor | None = None,
        origin: Mapping[str, Any] | None = None,
        judge: Judge | None = None,
        standstill: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`origin` is what the run was forked from: checkpoints carry it beside the commands that steered the plan.
        `judge` is asked after each epoch whether training goes on. `standstill` tells the seconds so far for which the
        process was stopped from outside: they count as no training.
        """
        self.trainable = trainable
        self.data = data
        self.planner = planner
        self.journal = journal
        self.at = progress or Progress()
        self.orders = Orders(journal, planner, quitting)
        self.clock: Callable[[], float] = lambda: clock() - standstill()
        self.monitor = monitor or choose_monitor(data.spec.task)
        self._evaluator = Evaluator(trainable, data, metrics, self.monitor, self._look_up, self._warn)
        self._origin = origin
        self._judge = judge
        self._judged = (0, "")
        config = planner.config
        self._budget = time_budget.TimeBudget(time_budget.parse(config.max_time)) if config.max_time else None
        self._buckets = Buckets(planner.total_steps)
        self._spikes = Spikes(self.at.first_loss)
        self._warned: set[str] = set()
        self._chunk = 1
        self._lr: Array = np.zeros(0, dtype=np.float32)
        self._pending: list[Snapshot] = []
        self._files: dict[str, dict[str, Array]] = {}
        self._seen = Seen()
        self._phase = ("training", "")
        self._last_commit = self._last_trained = self.clock()
        self._told_seconds = self.at.train_seconds
        self._data_seconds: float | None = None

    @property
    def step(self) -> int:
        """The global steps done."""
        return self.planner.steps_done(self.at.epoch, self.at.step_in_epoch)

    @property
    def _number(self) -> int:
        """The number of the epoch in progress or evaluated, from 1; in the test that of the epochs done."""
        return self.at.epoch + (self._phase != _TESTING)

    @property
    def reason(self) -> str:
        """The reason why training has ended."""
        counted, config = self.at.counted, self.planner.config
        if self.verdict:
            return self.verdict
        if self._patience_is_over() and counted is not None:
            monitor, _ = self.monitor.deciding(counted.value, counted.loss)
            name, waited = f"{monitor.split} {monitor.metric}", plural(config.patience, "epoch")
            wanted = f"{name} better by more than {config.min_delta:g}" if config.min_delta else f"better {name}"
            return f"stopped early: no {wanted} for {waited}, since epoch {counted.epoch}"
        if config.max_time:
            return f"trained for {duration(self.at.train_seconds)}, as asked by max_time"
        return "all epochs done"

    @property
    def verdict(self) -> str:
        """The reason why the judge ends the run after the epochs that are done; "" when it goes on. It is asked anew by
        an attempt that begins there.
        """
        epoch, best = self.at.epoch, self.at.best
        if self._judge is None or best is None or self.at.step_in_epoch or epoch >= self.planner.epochs:
            return ""
        if self._judged[0] != epoch:
            monitor, value = self.monitor.deciding(best.value, best.loss)
            self._judged = (epoch, self._judge(epoch, value, monitor))
        return self._judged[1]

    def _patience_is_over(self) -> bool:
        """True if `patience` epochs brought nothing better. It depends only on values in checkpoints, so that a run
        that is killed here ends here, too.
        """
        patience, counted = self.planner.config.patience, self.at.counted
        return bool(patience) and counted is not None and self.at.epoch - counted.epoch >= patience

    def run(self) -> Ending:
        """Train, and return why training ended; everything up to that point is committed. Raises RunError when the loss
        or the weights stop being finite: the last checkpoint is then the last finite state.
        """
        try:
            while self.at.epoch < self.planner.epochs and not self._patience_is_over() and not self.verdict:
                self._train_epoch()
                if self.orders.stop:
                    self._commit()
                    return self.orders.stop
                self._end_epoch()
        except Preempted:
            self._commit()
            return self.orders.stop or "preempted"
        except Exception:
            # What was trained until then is kept, whatever a framework or a model's own code raised.
            with contextlib.suppress(OSError, RunError):
                self._flush()
                self.journal.commit(self._pending, self._files)
            raise
        return "stopped" if self.verdict else "finished"

    def _train_epoch(self) -> None:
        self._enter("training")
        self._begin()
        while self.at.step_in_epoch < self.planner.steps_of(self.at.epoch):
            self._obey()
            if self.orders.stop:
                return
            self._advance()
            self._fit()
            now = self.clock()
            if now - self._last_trained >= TRAINED_SECONDS:
                self._flush(final=False)
            if now - self._last_commit >= self.planner.config.checkpoint_seconds:
                self._commit()

    def _begin(self) -> None:
        """Upload the rest of this epoch's plan."""
        plan = self.planner.epoch(self.at.epoch, self.at.step_in_epoch)
        self._lr = plan.lr
        if plan.steps:
            for line in self.trainable.begin_epoch(plan) or ():
                self.journal.emit(Logged("info", line))

    def _fit(self) -> None:
        """With `max_time`, estimate again the number of steps that there is time for, and write it to the log before a
        step is planned by it.
        """
        if self._budget is None:
            return
        total = self._budget.total(self.at.train_seconds, self.step, self.planner.total_steps)
        if total is None:
            return
        fitted = CommandObeyed(
            secrets.token_hex(8), "fit", {"total": total}, self.at.epoch + 1, self.step, "max_time", time.time()
        )
        self.journal.emit(fitted, sync=True)
        self._flush()
        self._buckets.resize(total)
        self.planner.fit(self.step, total)
        self.planner.steered.append(steered(fitted.id, fitted.action, self.step, fitted.arguments))
        self.journal.totals(self.planner.epochs, total)
        self._look_at_fit(self._budget)
        if self.at.step_in_epoch < self.planner.steps_of(self.at.epoch):
            self._begin()

    def _look_at_fit(self, budget: time_budget.TimeBudget) -> None:
        """Warn once of options that reach beyond the time, when enough of it is used to know."""
        config = self.planner.config
        if "max_time" in self._warned or self.at.train_seconds < time_budget.STEP * budget.seconds:
            return
        self._warned.add("max_time")
        for line in time_budget.too_long(config.warmup, config.unfreeze_at, self.planner.epochs):
            self._warn(line)

    def _advance(self) -> None:
        """Train a chunk: as many steps as take about 100 ms, then record the statistics of each step."""
        steps = min(self._chunk, self.planner.steps_of(self.at.epoch) - self.at.step_in_epoch)
        began = self.clock()
        stats = self.trainable.advance(steps)
        seconds = self.clock() - began
        self._record(stats, steps)
        if stats.data_seconds is not None:
            self._data_seconds = (self._data_seconds or 0.0) + stats.data_seconds
        self.at.step_in_epoch += steps
        self.at.epoch_seconds += seconds
        self.at.train_seconds += seconds
        # At most doubled at a time: the first steps carry compilation and cold caches.
        self._chunk = max(1, min(2 * self._chunk, round(CHUNK_SECONDS * steps / max(seconds, 1e-6))))
        self.journal.progress(self.step, self.at.epoch)

    def _record(self, stats: StepStats, steps: int) -> None:
        lr, self._lr = self._lr[:steps], self._lr[steps:]
        sums = {"loss": stats.loss, **stats.metrics}
        wide = {name: np.asarray(values, dtype=np.float64) for name, values in sums.items()}
        finite = np.isfinite(wide["loss"])
        if not finite.all():
            bad = int(np.argmin(finite))
            if self.step + bad == 0:
                raise RunError(FIRST_STEP)
            raise self._not_finite(f"the loss is not a finite number at step {self.step + bad + 1}", self.step + bad)
        self._look_at_named(wide)
        for name, values in wide.items():
            self.at.sums[name] = running_sum(self.at.sums.get(name, 0.0), values)
        self.at.samples += steps * self.planner.batch
        means = {name: values / self.planner.batch for name, values in wide.items()}
        spike = self._spikes.look(self.step, means["loss"])
        self.at.first_loss = self._spikes.first
        if spike:
            self._warn(spike)
        self._buckets.add(self.step, means.pop("loss"), means, lr)

    def _look_at_named(self, values: Mapping[str, Array]) -> None:
        """Warn once of each value beside the loss that is not finite: nothing is trained by it."""
        for name in values.keys() - self._warned:
            finite = np.isfinite(values[name])
            if not finite.all():
                self._warned.add(name)
                step = self.step + int(np.argmin(finite)) + 1
                self._warn(f"{name} is not a finite number at step {step}; the loss is")

    def _not_finite(self, what: str, step: int) -> RunError:
        """The error for values that are not finite, with a learning rate to try: a tenth of the requested rate."""
        lr = float(f"{self.planner.base_lr(step) / 10:.2g}")
        return RunError(f"{what}; try lr {lr:g}", {"lr": lr})

    def _flush(self, final: bool = True) -> None:
        """Emit the curve's new points; with `final` also those of a bucket that is not full."""
        self._last_trained = self.clock()
        columns = self._buckets.take(final)
        if columns is None:
            return
        seconds = self.at.train_seconds - self._told_seconds
        self._told_seconds = self.at.train_seconds
        data, self._data_seconds = self._data_seconds, None
        self.journal.emit(
            Trained(
                self.at.epoch + 1,
                **columns,
                seconds=seconds,
                samples_per_second=self.at.speed(),
                data_seconds=data,
            )
        )

    def _end_epoch(self) -> None:
        """Evaluate the whole validation split, note the best, and commit unless the last commit is a moment ago."""
        self._flush()
        number, step = self.at.epoch + 1, self.step
        # As it was given, 0.003, and not as float64 shows what float32 keeps of it, 0.003000000026.
        lr = float(str(self.planner.learning_rates(np.array([step - 1]))[0]))
        at = self.at
        self.journal.emit(EpochEnded(number, step, at.means(), lr, at.epoch_seconds, at.speed()))
        metrics, better = self._validate(number, step)
        self.at = Progress(
            epoch=number, train_seconds=at.train_seconds, best=at.best, counted=at.counted, first_loss=at.first_loss
        )
        here = Best(number, step, metrics.get(self.monitor.metric, math.nan), metrics["loss"])
        before = (at.counted.value, at.counted.loss) if at.counted else (None, None)
        if self.monitor.better_by(self.planner.config.min_delta, here.value, metrics["loss"], *before):
            self.at.counted = here
        if better:
            self.at.best = here
            self._pending = [self._snapshot(best=True)]
        if (
            number == self.planner.epochs
            or self._patience_is_over()
            or self.verdict
            or self.clock() - self._last_commit >= COMMIT_SECONDS
        ):
            self._commit()

    def _validate(self, epoch: int, step: int) -> tuple[dict[str, float], bool]:
        began = self.clock()
        metrics, more, outputs = self.evaluate("validation")
        if not np.isfinite(metrics["loss"]):
            raise self._not_finite(f"the validation loss is not a finite number after epoch {epoch}", step)
        best = self.at.best
        value = metrics.get(self.monitor.metric, math.nan)
        if self.monitor.metric in metrics:
            self._look_at_monitored(value, epoch)
        better = self.monitor.beats(value, metrics["loss"], *((best.value, best.loss) if best else (None, None)))
        self.journal.emit(Evaluated("validation", epoch, step, metrics, self.clock() - began, better, more))
        spec, part = self.data.spec, self.data.validation
        arrays = predictions.collect(spec.task, outputs, part, "validation", epoch, spec)
        self._files["validation-latest"] = arrays
        if better:
            self._files["validation-best"] = arrays
        record = self._seen.record(arrays, epoch, step)
        if record is not None:
            self.journal.keep(record)
        return metrics, better

    def _look_at_monitored(self, value: float, epoch: int) -> None:
        """Warn once where the metric that decides which epoch is best has no value."""
        name = f"{self.monitor.split} {self.monitor.metric}"
        if math.isnan(value) and name not in self._warned:
            self._warned.add(name)
            ours = self.monitor.metric in TASKS[self.data.spec.task].names
            why = "they may have a single class" if ours else "the model's metrics gave no finite number"
            samples = plural(len(self.data.validation), "sample")
            text = f"{name} cannot be computed on these {samples} after epoch {epoch}"
            self._warn(f"{text}: {why}; the lowest loss decides which epoch is best")

    def evaluate(self, split: SplitName) -> tuple[dict[str, float], dict[str, float], Outputs]:
        """As `Evaluator.evaluate`; a pause takes effect in between.

        Raises Preempted when the process has to go: what was evaluated so far is then thrown away.
        """
        self._enter("evaluating", split)
        return self._evaluator.evaluate(split, self._number)

    def evaluate_mirrored(self, outputs: Array) -> dict[str, float]:
        """As `Evaluator.evaluate_mirrored`. Raises Preempted as `evaluate`."""
        return self._evaluator.evaluate_mirrored(outputs, self._number)

    def _warn(self, text: str) -> None:
        self.journal.emit(Logged("warning", text))

    def _look_up(self) -> None:
        """Report progress and obey commands between two pieces of an evaluation. Raises Preempted."""
        self.journal.progress(self.step, self.at.epoch)
        self._obey()
        if self.orders.leaving:
            raise Preempted

    def _snapshot(self, best: bool) -> Snapshot:
        state = self.trainable.state()
        name = _not_finite_weights(state)
        if name:
            raise self._not_finite(f"the weights {name} are not finite numbers at step {self.step}", self.step)
        steering = {"commands": list(self.planner.steered), "fork": self._origin}
        return Snapshot(self.step, self.at.epoch, state, {**self.at.to_json(), "steering": steering}, best)

    def _commit(self) -> None:
        """Make everything up to this step permanent."""
        self._flush()
        self.orders.checkpoint = False
        if not self._pending or self._pending[-1].step != self.step:
            self._pending.append(self._snapshot(best=False))
        self.journal.phase("saving")
        self.journal.commit(self._pending, self._files)
        self._pending, self._files = [], {}
        self._last_commit = self.clock()
        self.journal.phase(*self._phase)

    def _obey(self) -> None:
        """Take the pending commands; waits here while paused."""
        self.orders.take(self._number, self.step)
        if self.orders.wait_while_paused(self._number, self.step, self._commit_if_asked):
            self.journal.phase(*self._phase)
        self._commit_if_asked()
        if self.orders.replan:
            self.orders.replan = False
            if self.at.step_in_epoch < self.planner.steps_of(self.at.epoch):
                self._begin()

    def _enter(self, phase: str, detail: str = "") -> None:
        self._phase = (phase, detail)
        self.journal.phase(phase, detail)

    def _commit_if_asked(self) -> None:
        if not self.orders.checkpoint:
            return
        if self._phase == _TESTING:
            # All that was trained is saved, and the weights of this moment are those of the best epoch.
            self.orders.checkpoint = False
            return
        self._commit()


def _not_finite_weights(state: State) -> str:
    """The name of a weight that is not finite, or ""."""
    for name, array in state.items():
        if name.startswith("weights/") and array.dtype.kind == "f" and not np.isfinite(array).all():
            return name[8:]
    return ""
