"""A run as plain lines: its start, a line per epoch, warnings, the test result. No control codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core import numbers
from dltui.core.reading.launched import WAITING
from dltui.core.text import plural
from dltui.tui.draw.wording import damaged

if TYPE_CHECKING:
    from dltui.core.reading.history import EpochRecord, History
    from dltui.core.reading.status import Status
    from dltui.core.rundir.heartbeat import Live


class Lines:
    """Reports each event once: `more` returns the lines since the last call."""

    def __init__(self) -> None:
        self._attempt: int | None = None
        self._phase = ""
        self._epochs: dict[int, float] = {}
        self._logs = 0
        self._damaged = 0
        self._commands = 0
        self._test: dict[str, Any] | None = None
        self._silent = False

    def more(self, history: History, live: Live | None, status: Status) -> list[str]:
        return [
            *self._started(history),
            *self._phases(history, live, status),
            *self._commanded(history),
            *self._ended_epochs(history),
            *self._tested(history),
            *self._logged(history),
        ]

    def _started(self, history: History) -> list[str]:
        attempt = history.attempt
        if attempt is None or self._attempt == history.attempts:
            return []
        self._attempt = history.attempts
        lines = [attempt_line(history)]
        if attempt.resumed_from:
            lines.append(f"resumed from {attempt.resumed_from} at step {attempt.start_step:,}")
        return lines

    def _phases(self, history: History, live: Live | None, status: Status) -> list[str]:
        """Lines about the waits before the first epoch and after the last, and about a silent worker."""
        if status.name == "silent":
            lines = [] if self._silent else [f"silent: {status.why}; `dltui stacks RUN` shows where it stands"]
            self._silent = True
            return lines
        self._silent = False
        if status.phase == WAITING:
            return self._waited(status)
        phase = status.phase
        if live is None or phase == self._phase or status.name not in ("starting", "running", "paused", "queued"):
            return []
        self._phase = phase
        # The heartbeat may be that of an attempt that has ended, or older than what the log says by now.
        current = live.phase == phase
        over = current and history.attempt is not None and live.phase_since <= history.started_at
        if phase in ("training", "evaluating", "saving", "ended", "") or over:
            return []
        detail = f" {live.detail}" if live.detail and current else ""
        return [f"{phase}{detail}"]

    def _waited(self, status: Status) -> list[str]:
        """A line about a run that waits for its launcher, whenever the reason or its place has changed."""
        if status.why == self._phase:
            return []
        self._phase = status.why
        return [f"{status.name}: {status.why}"]

    def _ended_epochs(self, history: History) -> list[str]:
        """Lines about evaluated epochs, also about epochs that a later attempt has repeated."""
        lines = []
        for number in sorted(history.epochs):
            record = history.epochs[number]
            if not record.validation and history.ended is None:
                continue
            if self._epochs.get(number) != record.time:
                self._epochs[number] = record.time
                lines.append(epoch_line(record, history))
        return lines

    def _logged(self, history: History) -> list[str]:
        total = history.logged
        entries = list(history.logs)[-(total - self._logs) :] if total > self._logs else []
        self._logs = total
        if history.damaged > self._damaged:
            self._damaged = history.damaged
            entries.append((history.last_time, "warning", damaged(history)))
        return [f"{level}: {text}" for _, level, text in entries if level in ("warning", "error")]

    def _commanded(self, history: History) -> list[str]:
        entries = history.commands[self._commands :]
        self._commands = len(history.commands)
        return [command_line(entry) for entry in entries]

    def _tested(self, history: History) -> list[str]:
        if history.test is None or history.test == self._test:
            return []
        self._test = history.test
        lines = [f"test (with the checkpoint of epoch {history.test['epoch']})  {_written(history.test['metrics'])}"]
        return lines + ([f"test also  {_written(history.test['more'])}"] if history.test["more"] else [])


def _written(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {numbers.metric(name, value)}" for name, value in metrics.items())


def attempt_line(history: History) -> str:
    """The size of an attempt: `54,000 train and 6,000 validation samples, 44,426 parameters, 10 epochs of 210
    steps`.
    """
    attempt = history.attempt
    if attempt is None:
        return ""
    sizes = attempt.dataset.get("sizes", {})
    device = attempt.device.get("title") or attempt.device.get("name") or ""
    return (
        f"{sizes.get('train', 0):,} train and {sizes.get('validation', 0):,} validation samples, "
        f"{plural(attempt.parameters, 'parameter')}, "
        f"{plural(attempt.epochs, 'epoch')} of {plural(attempt.steps_per_epoch, 'step')}, {device}"
    )


def epoch_line(record: EpochRecord, history: History) -> str:
    """An epoch as a line of constant width; "best" ends it where the run took it for the best so far."""
    epochs = history.attempt.epochs if history.attempt else record.epoch
    width = len(str(epochs))
    parts = [f"epoch {record.epoch:>{width}}/{epochs}"]
    for title, values in (("train", record.train), ("validation", record.validation or {})):
        told = [name for name in values if name != "mse" or history.own_loss]
        shown = [f"{name} {numbers.metric(name, values[name])}" for name in told]
        if shown:
            parts.append(f"{title} {' '.join(shown)}")
    parts.append(f"{numbers.duration(record.seconds)}  {numbers.count(record.samples_per_second)} samples/s")
    if record.best:
        parts.append("best")
    return "  ".join(parts)


def command_line(entry: dict[str, Any]) -> str:
    """A command: `set lr=0.05 by anna at step 1,200`."""
    arguments = entry.get("arguments") or {}
    values = " ".join(f"{name}={numbers.rounded(value)}" for name, value in arguments.items())
    by = f" by {entry['by']}" if entry.get("by") else ""
    return f"{entry.get('action')}{' ' + values if values else ''}{by} at step {entry.get('step', 0):,}"
