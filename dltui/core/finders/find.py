"""Finds values for a run before there is one: a learning rate, a batch size. Each is found in a process of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any

from dltui.core.catalog.fields import FIT, FITTED
from dltui.core.catalog.framework_devices import resolve
from dltui.core.errors import RunError, UsageError
from dltui.core.finders.rate_range import WHOLE_RANGE, RateRange, accepted, ends
from dltui.core.lifecycle.create import Checked, RunRequest, check_request
from dltui.core.lifecycle.start import whole_environment
from dltui.core.machine import priority
from dltui.core.machine.devices import each_of, recorded
from dltui.core.rundir.launch import DEFAULT
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

PATIENCE_SECONDS = 5.0
"""The time in which a process ends that is asked to."""


@dataclass(frozen=True)
class Rates:
    """The result of a learning-rate range test: the loss of each step by its rate, the losses smoothed, and the rate to
    try, between the `steepest` descent and the `least` loss; all three None where the loss fell at no rate. The test
    had this `batch_size`, `optimizer` and `schedule`; `current` is the rate of the request."""

    model: str
    dataset: str
    device: str
    batch_size: int
    optimizer: str
    schedule: str
    current: float
    lr: tuple[float, ...]
    loss: tuple[float, ...]
    smooth: tuple[float, ...]
    suggestion: float | None
    steepest: float | None
    least: float | None
    diverged: bool

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Rates:
        """The result that JSON holds."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def reason(self) -> str:
        """How the rate was chosen, or why there is none."""
        if self.suggestion is None or self.steepest is None or self.least is None:
            return "the loss fell at no rate: look at the data, or test with more --steps"
        end = f"diverged above {_short(self.lr[-1])}" if self.diverged else "never diverged"
        between = f"steepest descent ({_short(self.steepest)}) to least loss ({_short(self.least)})"
        return f"halfway from {between}; {end}"


def _short(lr: float) -> str:
    return f"{lr:.1g}" if lr < 1e-3 else f"{lr:.2g}"


class Finder:
    """Runs the processes that find values, one after the other. `cancel` may be called in another thread: what is being
    found then raises RunError."""

    def __init__(
        self,
        tell: Callable[[str], None] = lambda text: None,
        point: Callable[[float, float], None] = lambda lr, loss: None,
    ) -> None:
        """`tell` gets the progress as text, `point` each rate and its loss."""
        self._tell, self._point = tell, point
        self._child: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End the process."""
        self._cancelled = True
        if self._child is not None:
            self._child.terminate()

    def rates(self, request: RunRequest, catalog: Catalog, extent: RateRange = WHOLE_RANGE) -> Rates:
        """Test learning rates with all other options of a request, on this machine, whatever its launcher, within the
        bounds of the model's; no run is left. Raises UsageError or RunError.
        """
        field = catalog.model(request.model).field("lr")
        lowest, highest = ends(extent, field)
        request = replace(self.settled(request, catalog), launcher=DEFAULT, launcher_options={})
        checked = self._checked(request, catalog)
        question = {"find": "lr", "steps": extent.steps, "lowest": lowest, "highest": highest}
        found = self._ask(checked.record(request), {**question, "accepted": accepted(field)})
        config = checked.fields["config"]
        of_request = {
            "model": checked.fields["model"],
            "dataset": checked.fields["dataset"],
            "device": checked.device.name,
            "optimizer": config.get("optimizer", ""),
            "schedule": config.get("schedule", ""),
            "current": config["lr"],
        }
        return Rates.from_json({**found, **of_request})

    def settled(self, request: RunRequest, catalog: Catalog) -> RunRequest:
        """The request with a number in place of `fit`, and a note that says how it was found. Raises UsageError or
        RunError."""
        if request.config.get(FITTED) != FIT:
            return request
        batch, why = self.batch_size(request, catalog)
        config = {**request.config, FITTED: batch}
        note = f"batch size {batch} was found to fit: {why}"
        self._tell(note)
        return replace(request, config=config, command=_numbered(request.command, batch), notes=(*request.notes, note))

    def batch_size(self, request: RunRequest, catalog: Catalog) -> tuple[int, str]:
        """The batch size that fits, with its reason. Raises UsageError or RunError."""
        launcher = catalog.launchers.get(request.launcher)
        if launcher is not None and launcher.away:
            raise UsageError(
                f"batch_size {FIT} is found on this machine, launcher {launcher.name} trains on others; give a number"
            )
        if resolve(request.device, catalog).parts:
            raise UsageError(f"batch_size {FIT} is found on one device, this run is for several; give a number")
        rest = {name: value for name, value in request.config.items() if name != FITTED}
        field = catalog.model(request.model).field(FITTED)
        parts = int(rest.get("accumulate", 1))
        if field is not None and parts > field.default:
            rest[FITTED] = parts
        request = replace(request, config=rest)
        highest = int(field.maximum) if field is not None and field.maximum else 1 << 16
        found = self._ask(self._checked(request, catalog).record(request), {"find": "batch_size", "highest": highest})
        return int(found["batch_size"]), str(found["why"])

    def _checked(self, request: RunRequest, catalog: Catalog) -> Checked:
        return check_request(request, catalog).prepare(self._tell)

    def _ask(self, asked: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a process of the run's interpreter on its device. Raises RunError with its one line."""
        self._check_wanted()
        # Of several the first: a step has the same samples on any number of devices.
        asked = {**asked, "device": each_of(asked["device"])[0]}
        environment = whole_environment(recorded(asked["device"]))
        with tempfile.TemporaryFile() as errors:
            with tempfile.TemporaryFile() as text:
                text.write(json.dumps({**question, "asked": asked}).encode())
                text.seek(0)
                self._child = _start(str(asked["python"]), text, errors, environment)
            if self._cancelled:
                # At the moment in which there was no process to end.
                self._child.terminate()
            try:
                answer = self._listen(self._child)
            finally:
                _end(self._child)
            self._check_wanted()
            if "found" in answer:
                return dict(answer["found"])
            errors.seek(0)
            last = (errors.read().decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
            died = f"its process ended with code {self._child.returncode}: {last}"
            raise RunError(clean_line(answer.get("error") or died, 400))

    def _check_wanted(self) -> None:
        """Raise RunError after `cancel`."""
        if self._cancelled:
            raise RunError("cancelled")

    def _listen(self, child: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Pass the progress on; returns the answer, or {} without one."""
        assert child.stdout is not None
        for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if "found" in said or "error" in said:
                return dict(said)
            if "point" in said:
                self._point(*map(float, said["point"]))
            elif "tell" in said:
                self._tell(str(said["tell"]))
        return {}


def _start(
    python: str, question: IO[bytes], errors: IO[bytes], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        # Ctrl-C is for this process alone, which ends the other.
        return priority.start(
            [python, "-P", "-m", "dltui.core.finders.finder_process"],
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            # A plugin finds nothing beside it, as in a worker.
            cwd=tempfile.gettempdir(),
            env=environment,
        )
    except OSError as error:
        raise RunError(f"cannot start {python}: {error.strerror}") from error


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _numbered(command: Sequence[str], batch: int) -> tuple[str, ...]:
    """The command line with the number in place of the word, so that it gives the same run again."""
    flag = "--batch-size"
    words = [f"{flag}={batch}" if word == f"{flag}={FIT}" else word for word in command]
    for place, (before, word) in enumerate(pairwise(words)):
        if (before, word) == (flag, FIT):
            words[place + 1] = str(batch)
    return tuple(words)
