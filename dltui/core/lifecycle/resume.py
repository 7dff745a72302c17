"""Plans the resumption of a run that has ended: why it ended, what is restored, what differs now, how far it goes."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.data.preparation import Preparation
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.launch import launching, placing
from dltui.core.machine.devices import left_open
from dltui.core.reading.liveness.certainty import certain_status
from dltui.core.rundir import checkpoint, launch, place
from dltui.core.text import clean_line
from dltui.core.version import __version__
from dltui.core.worker.beginning import restoration, sameness

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.machine.devices import Device
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.status import Status
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.events import AttemptStarted


@dataclass(frozen=True)
class Resumption:
    """The plan of a resumption in cleaned texts. `planned` is the planned number of epochs, `done` the finished
    number.
    """

    ended: str
    restored: str
    differs: tuple[str, ...]
    planned: int
    done: int
    unknown: str = ""
    """A line about damaged records of the log; resuming then needs a confirmation."""

    def lines(self, run: str) -> list[str]:
        """The plan as lines for a terminal: `run` is the run's name."""
        said = [*self.differs, *([self.unknown] if self.unknown else [])]
        return [f"{run} was {self.ended}", self.restored, *(said or [ALIKE])]


ALIKE = "nothing differs: data, model, versions, device and threads are those of the last attempt"


def prepare(
    reader: RunReader,
    catalog: Catalog,
    more_epochs: int = 0,
    instead: Mapping[str, Any] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Resumption:
    """The plan of a new attempt; `instead` (of `trust.replaced`) replaces fields of run.json, `tell` gets the progress
    of its data's preparation, and of waiting for a worker that may live. Raises UsageError when the run cannot be
    resumed here and now.
    """
    from dltui.core.catalog import framework_devices

    status = resumable(reader, more_epochs, tell)
    model = catalog.model(str(reader.run["model"]))
    if not model.available:
        raise UsageError(f"{model.id} cannot be used here: {model.reason}")
    _check_timed(reader, status.name, more_epochs)
    planned = planned_epochs(reader)
    field = model.field("epochs")
    if more_epochs and field is not None:
        field.check(planned + more_epochs)
    # Another machine chooses its device when it comes to it.
    elsewhere = launching.is_away(reader.directory)
    asked = (instead or {}).get("device") or reader.run["device"]
    kinds = catalog.backends[model.framework].kinds
    device = None if elsewhere else framework_devices.resolve(_device_word(asked), catalog, kinds)
    mixed = mixtures(reader, catalog, instead or {}, tell)
    if mixed and checkpoint.find_latest(reader.directory) is not None:
        raise UsageError(sameness.refusal(reader.directory.id, mixed))
    return Resumption(
        ended=clean_line(f"{status.name}: {status.why}" if status.why else status.name),
        restored=restored(reader),
        differs=tuple(clean_line(line) for line in [*mixed, *differences(reader, catalog, device)]),
        planned=planned,
        done=reader.history.epochs_done,
        unknown=unknown(reader),
    )


def on_device(run: RunDirectory, word: str | None, catalog: Catalog) -> dict[str, Any]:
    """The field that replaces the device of run.json; none without a word for one. Raises UsageError where the run
    cannot go on there. A launcher's machine chooses it.
    """
    from dltui.core.catalog import framework_devices
    from dltui.core.train.options.check_options import check_device, check_kind, check_ranks

    if word is None:
        return {}
    if launching.is_away(run):
        placing.check_word(word, launch.chosen(run.path, run.run()))
        return {"device": left_open(word)}
    asked, backend = run.run(), catalog.backends[str(run.run()["framework"])]
    device = framework_devices.resolve(word, catalog, backend.kinds)
    check_kind(device.name, backend)
    check_device(asked["config"], device.name)
    check_ranks(asked["config"], device.name, device.world, backend)
    return {"device": device.record(word)}


def resumable(reader: RunReader, more_epochs: int, tell: Callable[[str], None] = lambda text: None) -> Status:
    """The status of a run of this user's that is over and has something left to do. Raises UsageError for another."""
    status = certain_status(reader, tell)
    name = clean_line(reader.directory.id)
    if not os.access(reader.directory.path, os.W_OK | os.X_OK):
        path = shlex.quote(clean_line(reader.directory.path))
        why = place.untrusted_reason(reader.directory) or "permission denied, or a disk that is read only"
        raise UsageError(f"{name} cannot be written to: {why}; go on in a run of your own: dltui fork {path}")
    if not status.over:
        raise UsageError(f"{name} is {status.name}; watch it with: dltui attach {name}")
    if status.name == "finished" and not more_epochs and not reader.run["config"].get("max_time"):
        raise UsageError(
            f"{name} is finished: nothing to resume; train more epochs with: dltui resume {name} --more-epochs 5"
        )
    if reader.history.checkpoints and checkpoint.find_latest(reader.directory) is None:
        raise UsageError(restoration.none_left(reader.directory.id))
    return status


def _check_timed(reader: RunReader, status: str, more_epochs: int) -> None:
    """Refuse more of a run that trained for a time: its schedule was fitted to it. Raises UsageError."""
    name, timed = clean_line(reader.directory.id), reader.run["config"].get("max_time")
    if timed and (more_epochs or status == "finished"):
        nothing = "takes no more epochs" if more_epochs else "has nothing to resume"
        raise UsageError(
            f"{name} was trained for {clean_line(timed)} and {nothing}; with a longer time: "
            f"dltui fork {name} --max-time TIME"
        )


def mixtures(
    reader: RunReader,
    catalog: Catalog,
    instead: Mapping[str, Any],
    tell: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """The lines about parts of the run that have changed: its model's code and hyperparameters, its data. Raises
    UsageError when the data cannot be prepared.
    """
    attempt, asked = reader.history.attempt, {**reader.run, **instead}
    model = catalog.known_model(str(asked["model"]))
    if attempt is None or model is None:
        return []
    found = sameness.gone(asked["config"], [field.name for field in model.fields])
    found += sameness.model(attempt, asked.get("model_source") or {})
    if not attempt.dataset.get("fingerprint") or not asked.get("python"):
        return found
    try:
        return found + sameness.data(attempt, Preparation.before_run(asked, str(asked["python"])).data(tell))
    except RunError as error:
        raise UsageError(str(error)) from None


def unknown(reader: RunReader) -> str:
    """A line about damaged lines of the log after the last checkpoint, which may have changed rates and epochs; ""
    without any.
    """
    lines = reader.unknown_lines
    newest = checkpoint.find_latest(reader.directory)
    if newest is not None and all(record["name"] != newest.name for record in reader.history.checkpoints):
        # The line that tells of the checkpoint itself.
        lines -= 1
    if lines <= 0:
        return ""
    which = "one line" if lines == 1 else f"{lines:,} lines"
    return f"not known: {which} of its log since the last checkpoint cannot be read; a learning rate set then is lost"


def planned_epochs(reader: RunReader) -> int:
    """The number of epochs in run.json plus the epochs added since."""
    return int(reader.run["config"].get("epochs", 1)) + sum(reader.history.added_epochs)


def restored(reader: RunReader) -> str:
    """A line that names the checkpoint with which the next attempt begins."""
    newest, attempt = checkpoint.find_latest(reader.directory), reader.history.attempt
    if newest is None:
        return "no checkpoint: it begins again"
    total = f" of {attempt.total_steps:,}" if attempt else ""
    what = "weights, optimizer, random state and position"
    return f"restored: {what} of {newest.name} (step {checkpoint.step_of(newest):,}{total})"


def _device_word(device: Mapping[str, Any]) -> str:
    return str(device["asked"] if device.get("open") else device["name"])


def differences(reader: RunReader, catalog: Catalog, device: Device | None) -> list[str]:
    """The lines about differences from the last attempt: with a difference, arithmetic may differ in the last bits.
    Without a device nothing is said of the machine.
    """
    from dltui.core.machine import process

    attempt = reader.history.attempt
    if attempt is None:
        return []
    lines = _versions(attempt, catalog)
    if device is None:
        return lines
    if attempt.host != process.this_host():
        lines.append(f"differs: it ran on {attempt.host}")
    return lines + _device(attempt.device, device) + _threads(reader.run["config"], attempt.threads)


def _versions(attempt: AttemptStarted, catalog: Catalog) -> list[str]:
    backend = catalog.backends.get(attempt.framework)
    here = {"dltui": __version__, "python": platform.python_version()}
    if backend is not None and backend.version:
        here[backend.package] = backend.version
    return [
        f"differs: {name} {before} then, {here[name]} today"
        for name, before in attempt.versions.items()
        if name in here and here[name] != before
    ]


def _device(before: Mapping[str, Any], today: Device) -> list[str]:
    """A line for another machine, or another GPU under the same name."""
    if before.get("name") != today.name and (today.parts or before.get("devices")):
        return [f"differs: it was on {before.get('name')}, and goes on on {today.name}: the same run but for rounding"]
    if before.get("uuid") == today.uuid and (before.get("title") or today.title) == today.title:
        return []
    return [f"differs: {before.get('name')} was {before.get('title')}, today it is {today.title}"]


def _threads(config: Mapping[str, Any], before: int) -> list[str]:
    from dltui.core.machine.devices import cpu_count

    today = cpu_count()
    if config.get("threads") or today == before:
        return []
    return [f"differs: {before} CPU threads then, {today} today"]
