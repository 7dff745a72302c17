"""An attempt at a run: from run.json (and the last checkpoint) to the test result.

What is needed for training alone is imported where it is used: a run that has given its device back waits with this
module, and takes half as much memory without NumPy.
"""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from dltui.core.analysis.trials.trial import KEY, Judge
from dltui.core.catalog.schema import validated
from dltui.core.contract.ranks import spreading
from dltui.core.contract.state import all_weights, best_weights
from dltui.core.data.preparation import Preparation
from dltui.core.errors import RunError
from dltui.core.machine import logout, process
from dltui.core.reading.status import INCOMPLETE
from dltui.core.rundir import checkpoint, commands, notes, place
from dltui.core.rundir.events import CommandObeyed, Evaluated, Logged, RunEnded
from dltui.core.tasks.monitor import check_monitor, choose_monitor
from dltui.core.train.position import Progress
from dltui.core.worker import figures, fingerprint, loading
from dltui.core.worker.beginning import restoration, sameness
from dltui.core.worker.beginning.untried_model import UntriedModel
from dltui.core.worker.journal import Journal
from dltui.core.worker.ranks import gathering
from dltui.core.worker.ranks.supervisor import RankLost, RankSupervisor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from dltui.core.contract import Backend, Data, Model, Spec, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.reading.history import History
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Heartbeat
    from dltui.core.rundir.log import EventLog
    from dltui.core.tasks.monitor import Monitor
    from dltui.core.train.loop import Loop
    from dltui.core.train.plan import Planner
    from dltui.core.train.steering import Ending

DONE = ("finished", "stopped")
"""The ends of a run with results; an attempt to resume that fails before its first step keeps them."""


class Attempt:
    """The state of a worker's attempt. `train` and `failed` return the status the run ended with."""

    def __init__(
        self,
        run: RunDirectory,
        history: History,
        log: EventLog,
        heartbeat: Heartbeat,
        number: int,
        instead: Mapping[str, Any] | None = None,
    ) -> None:
        self.run = run
        self.asked = {**run.run(), **(instead or {})}
        self.instead = dict(instead or {})
        self.history = history
        self.heartbeat = heartbeat
        self.number = number
        self.journal = Journal(run, log, heartbeat, number, lambda: self._preempted)
        self.batch_size = int(self.asked["config"].get("batch_size", 1))
        self.loop: Loop | None = None
        self.more_epochs = 0
        self._begun = False
        self._extension: CommandObeyed | None = None
        self._preempted = False
        self._refused = False
        self._model = UntriedModel(self.asked)
        self._preparation: Preparation | None = None
        self._supervisor: RankSupervisor | None = None
        self._began = time.monotonic()

    def preempt(self) -> None:
        """Request a checkpoint at the next step and the end of the process. Safe in a signal handler."""
        self._preempted = True
        if self._preparation:
            self._preparation.cancel()

    def is_preempted(self) -> bool:
        return self._preempted

    def _leaves(self) -> bool:
        """As `is_preempted`, asked between steps and in a pause. Raises RankLost for a rank that is gone."""
        if self._supervisor is not None:
            self._supervisor.check()
        return self._preempted

    def leave_queue(self, ending: Literal["stopped", "preempted"]) -> str:
        """End a run that has not begun, or not again after it gave its device back."""
        why = "taken out of the queue" if ending == "stopped" else "the machine asked for its process back"
        if self.history.attempt is None:
            return self._end(ending, f"{why} before it began; `dltui resume` starts it")
        why = "stopped" if ending == "stopped" else why
        return self._end(ending, f"{why} while it waited for its device; `dltui resume` goes on from here")

    def expire(self, obeyed: Collection[str], old: Collection[str] | None) -> None:
        """End the commands with the `old` ids (None: all that are there), which were sent before this worker was
        started, for an earlier attempt, and record it in the log. A kill needs no obeying: its line names the user who
        ended that attempt.
        """
        for command in commands.forget(self.run.path, obeyed, old):
            action = command.action if command.action == "kill" else "ignored"
            if action == "ignored":
                why = "it was meant for the attempt before, which has ended"
                self.journal.emit(Logged("warning", f"command {command.action} by {command.by} ignored: {why}"))
            step, epoch = self.history.step, self.history.epochs_done
            event = CommandObeyed(command.id, action, command.arguments, epoch, step, command.by, command.sent)
            self.journal.emit(event, sync=True)
            commands.done(command)

    def train(self) -> str:
        """Train to the end. Raises RunError, and whatever a framework raises."""
        from dltui.core.train.loop import Preempted

        self._began = time.monotonic()
        try:
            loop = self._prepare()
            self.loop = loop
            ending = loop.run()
            if not loop.orders.leaving:
                self._test(loop, ending)
                return ending
        except Preempted:
            pass
        except RankLost as lost:
            if not self._preempted:
                return self._end("interrupted", str(lost))
        except RunError:
            if not self._preempted:
                raise
        finally:
            if self._supervisor is not None:
                self._supervisor.close()
        if self.loop is not None and self.loop.orders.stop == "released":
            return "released"
        return self._end("preempted", "the machine asked for its process back; `dltui resume` goes on from here")

    def stay_away(self, why: str) -> str:
        """End a run that has given its device back and does not wait for it."""
        return self._end("preempted", f"its device was given back, {why}; `dltui resume` goes on from here")

    def failed(self, error: BaseException) -> str:
        """Record that the attempt failed, why, and the remedy. A finished run stays finished."""
        trained = self.number > 1 or bool(self.asked.get("fork")) or bool(self.loop and self.loop.step)
        reason, remedy, self._refused = self._model.failure(error, self.batch_size, trained)
        return self._end("failed", reason, type(error).__name__, remedy=remedy)

    def export(self) -> str:
        """Draw the figures in a separate process: the worker imports no plotting library. Returns the last word of the
        heartbeat: that the figures are incomplete, or "".
        """
        if self._refused or self.asked.get("draws") is False or (self.history.attempt is None and self.loop is None):
            return ""
        self.journal.phase("exporting")
        arguments = [str(self.run.path)]
        arguments += ["--to", self.instead["exports"]] if "exports" in self.instead else []
        for path in self.instead.get("plugins") or ():
            arguments += ["--plugin", str(path)]
        done = figures.start(arguments)
        sys.stdout.write(done.output)
        sys.stderr.write(done.errors)
        if done.problem:
            told = f"figures not drawn: {done.problem}; `dltui export {self.run.id}` tries again"
            self.journal.emit(Logged("error", told))
        return "" if notes.figures_are_done(self.run) or place.untrusted_reason(self.run) else INCOMPLETE

    def _load(self) -> tuple[Model, Backend, TrainConfig, Data, Path | None]:
        """Plugins, framework and data; with the folder of prepared data."""
        self._preparation = Preparation(self.asked)
        self.journal.phase("importing", self.asked["framework"])
        ranks = loading.ranks(self.asked)
        if ranks:
            self._supervisor = RankSupervisor(ranks, gathering=gathering.told(), leaves=self.is_preempted)
            # They import the framework while the data is prepared.
            self._supervisor.send_all({"do": "load", "asked": self.asked})
        model, backend = loading.plugins(self.asked, without_framework=bool(ranks))
        config = self._config(model)
        self.journal.phase("loading data")
        tell = partial(self.journal.phase, "loading data")
        data = loading.data(self.asked, self._preparation, model, config, tell)
        self._model.inputs = data.spec.named_inputs
        folder, self._preparation = self._preparation.folder, None
        data, config = loading.shortened(self.asked, data, config)
        loading.check_devices(self.asked, backend, config, data)
        return model, backend, config, data, folder

    def _prepare(self) -> Loop:
        """Everything before the first step: plugins, framework, data, model, and the last checkpoint if any."""
        from dltui.core.data.findings import at_start
        from dltui.core.train.loop import Loop
        from dltui.core.worker import twin_record

        model, backend, config, data, folder = self._load()
        self.journal.phase("building")
        found = self._newest()
        if found is not None:
            self._check_same(data)
        self._model.stage = "building"
        trainable = self._trainable(model, backend, config, data, folder)
        monitor = _monitor(model, config, data.spec)
        notes = self._model.try_out(trainable, data, model, monitor)
        self._model.stage = ""
        lost = restoration.lost(self.history, found)
        if found is not None:
            trainable.load_state(found.state)
        else:
            self._model.load_initial(trainable, model, config, data, partial(self.journal.phase, "building"))
        if found is None and self.asked.get("twin"):
            trainable = twin_record.begin(trainable, data, twin_record.folder(self.run), self.asked["twin"])
        planner = self._planner(config, data)
        at = self._position(found)
        prepared = _prepare(trainable, planner, at)
        loop = Loop(
            trainable,
            data,
            planner,
            self.journal,
            at,
            self._leaves,
            metrics=model.metrics,
            monitor=monitor,
            origin=self.asked.get("fork"),
            judge=Judge.of(self.run, self.history),
            standstill=lambda: self.heartbeat.standstill,
        )
        self._begin(loop, backend, found, lost)
        given = (data, str(self.asked["dataset"]), self.asked.get("command") or (), str(self.asked["model"]))
        wrong, fine = ([], []) if self.history.attempts else at_start.told(*given)
        self._tell([logout.warning(process.user()), *data.notes, *wrong, *notes], [*fine, *prepared])
        return loop

    def _begin(
        self, loop: Loop, backend: Backend, found: checkpoint.Checkpoint | None, lost: Sequence[CommandObeyed]
    ) -> None:
        """Log that the attempt has begun, and what the log had lost before."""
        from dltui.core.worker.beginning.started import started

        self.heartbeat.totals(loop.planner.epochs, loop.planner.total_steps)
        self._tell_steering(lost)
        self._begun = True
        name = found.name if found else None
        self.journal.emit(started(self.run, self.asked, loop, backend, loop.data, name), sync=True)

    def _trainable(
        self, model: Model, backend: Backend, config: TrainConfig, data: Data, folder: Path | None
    ) -> Trainable:
        """The model on its device, or on those of all ranks."""
        if self._supervisor is None:
            return loading.trainable(self.asked, model, backend, config, data)
        from dltui.core.worker.ranks.distributed import DistributedTrainable

        assert folder is not None
        self._supervisor.receive_all()
        tell = lambda load: self.heartbeat.ranks(load.speeds, load.rss, load.peak)  # noqa: E731
        whole = spreading(backend).whole
        return DistributedTrainable(self._supervisor, folder, config.threads, data.spec, tell, whole)

    def _tell(self, warnings: Sequence[str], lines: Sequence[str]) -> None:
        """Log what there is to say before the first step: how settings were found, warnings, how steps are run."""
        for note in () if self.history.attempts else self.asked.get("notes") or ():
            self.journal.emit(Logged("info", str(note)))
        for warning in filter(None, warnings):
            self.journal.emit(Logged("warning", warning))
        for line in lines:
            self.journal.emit(Logged("info", line))

    def _config(self, model: Model) -> TrainConfig:
        gone = sameness.gone(self.asked["config"], model.config.model_fields)
        if gone:
            raise RunError(sameness.refusal(self.run.id, gone))
        return validated(model.config, self.asked["config"])

    def _newest(self) -> checkpoint.Checkpoint | None:
        """The checkpoint to begin with. Raises RunError where it is not that of this run's past."""
        found = checkpoint.load_latest(self.run, lambda text: self.journal.emit(Logged("warning", text)))
        if self.asked.get("fork"):
            restoration.check_fork(self.run.id, self.asked, found)
        if found is None and self.history.checkpoints:
            raise RunError(restoration.none_left(self.run.id))
        return found

    def _check_same(self, data: Data) -> None:
        """Raises RunError where data or model are not those that the run was trained with."""
        before = self.history.attempt
        if before is None or self.asked.get("dry_run"):
            return
        mixed = sameness.model(before, self.asked["model_source"]) + sameness.data(before, data)
        if mixed:
            raise RunError(sameness.refusal(self.run.id, mixed))

    def _planner(self, config: TrainConfig, data: Data) -> Planner:
        """The planner, including the epochs that were requested beyond those of run.json."""
        from dltui.core.train.plan import Planner

        history, shape = self.history, data.spec.input_shape
        if self.more_epochs:
            by, done, epochs = process.user_at_host(), history.epochs_done, {"epochs": self.more_epochs}
            event = CommandObeyed(secrets.token_hex(8), "extend", epochs, done, history.step, by, time.time())
            self._extension = event
            history.commands.append(event.to_json())
        begun = (self.asked.get("fork") or {}).get("begun") or {}
        return Planner(
            config,
            len(data.train),
            history.lr_changes,
            shape,
            history.added_epochs,
            history.steered,
            history.fits,
            data.train.whole.shape[1:],
            (int(begun.get("epoch", 0)), float(begun.get("share", 0.0))),
        )

    def _position(self, found: checkpoint.Checkpoint | None) -> Progress:
        """The place to go on from. Added epochs start the count of `patience` again, also where the attempt that was
        asked for them left no checkpoint.
        """
        at = Progress.from_json(found.loop_state) if found else Progress()
        asked = [int(one["epoch"]) for one in self.history.commands if one.get("action") == "extend"]
        return replace(at, counted=None) if max(asked, default=-1) >= at.epoch else at

    def _tell_steering(self, lost: Sequence[CommandObeyed]) -> None:
        """Log, before any step, the commands that the log had lost and the epochs that are added, so that a later
        attempt plans the same.
        """
        for command in lost:
            text = f"{command.action} {command.arguments} from step {command.step:,}: its line in the log is damaged"
            self.journal.emit(Logged("warning", f"{text}, the checkpoint has it; it holds"))
            self.journal.emit(command, sync=True)
        if self._extension is not None:
            self.journal.emit(self._extension, sync=True)

    def _test(self, loop: Loop, ending: Ending) -> None:
        """Evaluate the test split once, unless the run leaves it to others, with the weights that were best on
        validation, and end the run.
        """
        best, step = loop.at.best, loop.step
        if best and best.step != step and not self._load_best(loop):
            best = None
        epoch, step = (best.epoch, best.step) if best else (loop.at.epoch, step)
        if loop.planner.config.test:
            self._evaluate_test(loop, epoch, step)
        reason = loop.reason if ending == "finished" or loop.verdict else "stopped by user"
        self._end(ending, reason, weights=fingerprint.weights(loop.trainable.state()))

    def _evaluate_test(self, loop: Loop, epoch: int, step: int) -> None:
        from dltui.core.train import predictions

        began = time.monotonic()
        metrics, more, outputs = loop.evaluate("test")
        if loop.planner.config.mirror_test:
            metrics |= loop.evaluate_mirrored(outputs)
        self.journal.emit(Evaluated("test", epoch, step, metrics, time.monotonic() - began, more=more))
        data = loop.data
        found = predictions.collect(data.spec.task, outputs, data.test, "test", epoch, data.spec)
        self.journal.commit([], {"test": found})

    def _load_best(self, loop: Loop) -> bool:
        try:
            best = checkpoint.load_best(self.run).state
            # What trains on is of no use here, and need not fit. A fork without averages may have a best epoch of its
            # parent, whose value is that of averages.
            weights = all_weights(best) if loop.planner.config.ema else best_weights(best)
            loop.trainable.load_state(weights)
        except RankLost:
            raise
        except RunError as error:
            self.journal.emit(Logged("error", f"{error}; the test result is that of the last weights"))
            return False
        return True

    def _end(
        self,
        status: str,
        reason: str,
        error: str | None = None,
        weights: str | None = None,
        remedy: dict[str, Any] | None = None,
    ) -> str:
        before = self.history.ended
        if not self._begun and before is not None and before.status in DONE:
            if status == "preempted" and before.status == "stopped" and self.asked.get(KEY):
                # A trial that was to go on does so when its sweep does.
                before = replace(before, status=status, reason=reason)
            else:
                self.journal.emit(Logged("error", f"it does not go on: {reason}"))
            self.journal.emit(before, sync=True)
            return status
        notes.figures_wanted(self.run)
        loop, past = self.loop, self.history
        self.journal.emit(
            RunEnded(
                status,
                reason,
                error,
                epoch=loop.at.epoch if loop else past.epochs_done,
                step=loop.step if loop else past.step,
                seconds=time.monotonic() - self._began,
                train_seconds=self._train_seconds(),
                weights_sha256=weights,
                remedy=remedy or {},
                refused=self._refused,
            ),
            sync=True,
        )
        return status

    def _train_seconds(self) -> float:
        """The training time that the log of this run tells of, without that of a parent whose steps are others."""
        if self.loop is None:
            return self.history.train_seconds
        return max(self.loop.at.train_seconds - float((self.asked.get("fork") or {}).get("earlier_seconds", 0.0)), 0.0)


def _monitor(model: Model, config: TrainConfig, spec: Spec) -> Monitor:
    """The metric that decides which epoch is best. Raises UsageError for one that this data does not have."""
    # A model of several tasks names a metric of the first.
    own = model.monitor if spec.task == model.task else ""
    monitor = choose_monitor(spec.task, config.monitor, own)
    check_monitor(monitor.metric, spec.task, True, spec.outputs)
    return monitor


def _prepare(trainable: Trainable, planner: Planner, at: Progress) -> Sequence[str]:
    """Let a backend that wants to get ready for the plans of this run, such as by compiling, for the steps that are
    left. Returns lines for the log.
    """
    prepare = getattr(trainable, "prepare", None)
    left = planner.total_steps - planner.steps_done(at.epoch, at.step_in_epoch)
    return () if prepare is None else prepare(partial(planner.epoch, 0), left)
