"""Creates a run that begins with a checkpoint of another run, with other hyperparameters; it knows its parent."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from dltui.core import fs
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import create, resume, trust
from dltui.core.lifecycle.resume import planned_epochs
from dltui.core.machine import process
from dltui.core.machine.devices import asked_for
from dltui.core.numbers import duration, exact
from dltui.core.reading.history import History
from dltui.core.rundir import checkpoint, launch, place
from dltui.core.rundir.events import CheckpointSaved, CommandObeyed, Event, Logged
from dltui.core.rundir.launch import Chosen
from dltui.core.rundir.log import EventLog, LogTail, encode
from dltui.core.rundir.names import MOST
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.tasks.registry import task_of
from dltui.core.text import clean_line
from dltui.core.train.options import time_budget

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.contract.types import State
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.checkpoint import Checkpoint
    from dltui.core.rundir.directory import RunDirectory


Which = Literal["last", "best"]
_MOST_PREDICTIONS = 1 << 30
_LENGTHS = frozenset({"epochs", "max_time"})
"""The hyperparameters that say how long a run trains."""


@dataclass(frozen=True)
class ForkRequest:
    """A request for a fork: `changes` are hyperparameters that differ from the parent's."""

    changes: Mapping[str, Any]
    which: Which = "last"
    name: str | None = None
    device: str | None = None
    exports: str | None = None
    formats: Sequence[str] | None = None
    command: Sequence[str] = ()
    code: trust.Code = trust.AS_NAMED
    launcher: Chosen | None = None
    """By what it is started; None: as its parent was."""

    @property
    def new_length(self) -> bool:
        """True if it says how long the fork trains, so that it does not train for as long as its parent."""
        return bool(_LENGTHS.intersection(self.changes))


@dataclass(frozen=True)
class _Origin:
    """The checkpoint that a fork begins with, adapted to the fork."""

    found: Checkpoint
    best: Checkpoint | None
    """That of the best epoch until then, where it is another one and not lost."""
    state: State
    loop_state: dict[str, Any]
    same_steps: bool
    """The fork has the parent's batches, so that its step numbers mean the same and its curve goes on."""

    @property
    def step(self) -> int:
        return self.found.step


def fork(parent: RunReader, request: ForkRequest, catalog: Catalog) -> RunDirectory:
    """Create the directory of the new run, ready for its worker. Raises UsageError or RunError, and then nothing is
    left.
    """
    asked = parent.run
    if not parent.directory.path.exists():
        raise UsageError(f"{clean_line(parent.directory.id)} was deleted; nothing is left to begin with")
    found, best = _choose(parent.directory, request.which)
    if "lr" in request.changes and request.changes["lr"] == _rate(parent, found.step):
        request = replace(request, changes={name: one for name, one in request.changes.items() if name != "lr"})
    instead = trust.replaced(parent.directory, catalog, request.code)
    mixed = resume.mixtures(parent, catalog, instead)
    known = {field.name for field in catalog.model(str(asked["model"])).fields}
    config = _config(asked, request.changes, known)
    origin = _origin(found, best, asked["config"], config, bool(mixed) or not _same_monitor(parent, config))
    config |= _steered_values(parent, request, origin)
    _check_epochs(parent, request, origin, config)
    wanted = _request(parent, request, config, origin, catalog)
    return create.create_run(wanted, catalog, fill=lambda run: _fill(run, parent, request, origin, mixed))


def changes_of(parent: RunReader, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given hyperparameters with which a fork differs from its parent: the learning rate, too, where a
    command has set another one somewhere.
    """
    before, was_set = parent.run["config"], bool(parent.history.lr_changes)
    return {name: value for name, value in given.items() if before.get(name) != value or (name == "lr" and was_set)}


def _config(asked: Mapping[str, Any], changes: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The hyperparameters of a fork, of those that the model knows."""
    config = {name: value for name, value in {**asked["config"], **changes}.items() if name in known}
    if asked.get("sweep") and "test" not in changes:
        # Only a trial leaves its test split alone.
        config.pop("test", None)
    return config


def _steered_values(parent: RunReader, request: ForkRequest, origin: _Origin) -> dict[str, Any]:
    """The epochs of the parent, where commands have added some and the fork does not change them itself: for a fork
    with a log of its own, which has none of these commands.
    """
    return {} if origin.same_steps or "epochs" in request.changes else {"epochs": planned_epochs(parent)}


def _rate(parent: RunReader, step: int) -> Any:
    """The learning rate that holds at this step, before the schedule."""
    rate = _set_rate(parent.history, step)
    return parent.run["config"].get("lr") if rate is None else rate


def _set_rate(history: History, step: int) -> float | None:
    """The learning rate that a command has set and that holds at this step; None without one."""
    return next((lr for at, lr in reversed(history.lr_changes) if at <= step), None)


def _choose(run: RunDirectory, which: Which) -> tuple[Checkpoint, Checkpoint | None]:
    """The newest intact checkpoint, or the best, and that of the best epoch until then where it is another one. Both
    are read at once: the worker of a run that trains replaces them. Raises UsageError or RunError when there is none.
    """

    def choose() -> tuple[Checkpoint, Checkpoint | None]:
        found = checkpoint.load_best(run) if which == "best" else _newest(run)
        return found, _best_until(run, found)

    return checkpoint.chosen(run, choose)


def _newest(run: RunDirectory) -> Checkpoint:
    """The newest intact checkpoint. Raises UsageError when there is none, CheckpointGone."""
    problem = f"run {clean_line(run.id)} has no checkpoint yet"
    for path in reversed(checkpoint.list_checkpoints(run)):
        try:
            return checkpoint.read(path)
        except checkpoint.CheckpointGone:
            raise
        except RunError as error:
            problem = str(error)
    raise UsageError(f"{problem}; a fork needs a checkpoint to begin with")


def _best_until(run: RunDirectory, found: Checkpoint) -> Checkpoint | None:
    """The checkpoint of the best epoch until another one; None where it is that one, or lost. Raises CheckpointGone."""
    best = found.loop_state.get("best") or {}
    if not best or best["step"] == found.step:
        return None
    for path in reversed(checkpoint.list_checkpoints(run)):
        try:
            manifest = checkpoint.read_manifest(path)
            if manifest.get("best") and manifest["step"] == best["step"]:
                return checkpoint.read(path)
        except checkpoint.CheckpointGone:
            raise
        except RunError:
            continue
    # With it goes the best that only it refers to.
    checkpoint.check_there([found.path])
    return None


def _same_monitor(parent: RunReader, config: Mapping[str, Any]) -> bool:
    """True if the parent's best epoch is the best of its fork, too: both compare the same metric."""
    asked = str(config.get("monitor") or "")
    if asked == str(parent.run["config"].get("monitor") or ""):
        return True
    task = task_of(parent.run.get("task")).name
    attempt = parent.history.attempt
    return bool(asked) and attempt is not None and asdict(choose_monitor(task, asked)) == attempt.monitor


def _origin(
    found: Checkpoint,
    best: Checkpoint | None,
    before: Mapping[str, Any],
    config: Mapping[str, Any],
    mixed: bool,
) -> _Origin:
    """The state to begin with. Other batches, other data, another model and another monitor begin at the start of the
    epoch, with a new search for the best; another optimizer does not take the state of the old optimizer. What
    `patience` waits for is searched anew in every fork: it may have ended the parent.
    """
    same_steps = config.get("batch_size") == before.get("batch_size") and not mixed
    loop_state, state = {**found.loop_state, "counted": None}, dict(found.state)
    if not same_steps:
        loop_state = {key: loop_state[key] for key in ("epoch", "train_seconds") if key in loop_state}
    if config.get("optimizer") != before.get("optimizer"):
        state = {name: array for name, array in state.items() if not name.startswith("optimizer/")}
    return _Origin(found, best, state, loop_state, same_steps)


def _check_epochs(parent: RunReader, request: ForkRequest, origin: _Origin, config: Mapping[str, Any]) -> None:
    if config.get("max_time"):
        _check_time(parent, origin, str(config["max_time"]))
        return
    done = int(origin.loop_state.get("epoch", 0))
    planned = int(config["epochs"]) if "epochs" in request.changes else planned_epochs(parent)
    if done >= planned:
        name = clean_line(parent.directory.id)
        raise UsageError(
            f"{clean_line(origin.found.name)} of {name} is at the end of epoch {done}, nothing of {planned} epochs is "
            f"left: give --epochs greater than {done}, the whole length, or begin with --from best"
        )


def _check_time(parent: RunReader, origin: _Origin, max_time: str) -> None:
    """Raise UsageError if the parent has trained for as long as its fork is to train in all."""
    done = float(origin.loop_state.get("train_seconds", 0.0))
    # The last estimate of a run hits its time within a few hundredths.
    if done >= 0.95 * time_budget.parse(max_time):
        raise UsageError(
            f"{clean_line(origin.found.name)} of {clean_line(parent.directory.id)} has trained for {duration(done)}, "
            f"nothing of {clean_line(max_time)} is left: give a longer --max-time, or begin with --from best"
        )


def _dataset(asked: Mapping[str, Any], catalog: Catalog) -> str:
    """The name of the parent's dataset: the user's own name for it where it still exists, else the plugin's."""
    name, plugin = str(asked["dataset"]), str(asked.get("dataset_plugin") or asked["dataset"])
    entry = catalog.datasets.get(name)
    return name if entry is not None and entry.plugin == plugin else plugin


def _request(
    parent: RunReader, request: ForkRequest, config: Mapping[str, Any], origin: _Origin, catalog: Catalog
) -> create.RunRequest:
    asked, directory = parent.run, parent.directory
    ending, launcher = "-fork", request.launcher or launch.chosen(directory.path, asked)
    return create.RunRequest(
        model=str(asked["model"]),
        dataset=_dataset(asked, catalog),
        dataset_options=asked.get("dataset_options") or {},
        dropped=asked.get("dropped"),
        data_dir=asked.get("data_dir"),
        device=request.device or (asked_for(asked) if asked["device"].get("open") else str(asked["device"]["name"])),
        config=config,
        name=request.name or directory.id[: MOST - len(ending)] + ending,
        exports=request.exports or str(place.exports_folder(directory).parent),
        formats=tuple(request.formats or asked.get("formats") or ("svg",)),
        plugins=tuple(trust.files(directory, request.code)),
        command=tuple(request.command),
        parent=directory.id,
        launcher=launcher.name,
        launcher_options=launcher.options,
        # Only the owner of a run decides who may read it: the run of another user does not make this one readable.
        share=None if place.untrusted_reason(directory) else asked.get("share"),
        fork={
            "path": str(directory.path),
            "checkpoint": origin.found.name,
            "from": request.which,
            "epoch": int(origin.loop_state.get("epoch", 0)),
            "step": origin.step,
            "changes": dict(request.changes),
            "same_steps": origin.same_steps,
            "earlier_seconds": _earlier_seconds(asked, origin),
            "begun": _begun(asked, request, origin, config),
        },
    )


def _earlier_seconds(asked: Mapping[str, Any], origin: _Origin) -> float:
    """The training time that the fork's checkpoints have and its log has no record of: `max_time` counts it, the time
    of the run itself does not.
    """
    if origin.same_steps:
        return float((asked.get("fork") or {}).get("earlier_seconds", 0.0))
    return float(origin.loop_state.get("train_seconds", 0.0))


def _begun(
    asked: Mapping[str, Any], request: ForkRequest, origin: _Origin, config: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The epochs done and the share of its time used at which the schedule of a fork that trains for a time goes on;
    those of the parent where what was estimated of the parent's steps holds. None for a fork that trains for epochs.
    """
    if not config.get("max_time"):
        return None
    if origin.same_steps and not request.new_length:
        parents: dict[str, Any] | None = (asked.get("fork") or {}).get("begun")
        return parents
    used = float(origin.loop_state.get("train_seconds", 0.0)) / time_budget.parse(str(config["max_time"]))
    return {"epoch": int(origin.loop_state.get("epoch", 0)), "share": used}


def _fill(
    run: RunDirectory, parent: RunReader, request: ForkRequest, origin: _Origin, mixed: Sequence[str] = ()
) -> None:
    """Write the fork's first files while its folder has no name yet, so that no incomplete fork is seen."""
    records: list[dict[str, Any]] = []
    if origin.same_steps:
        records = inherited(
            LogTail(parent.directory.events_path).read(),
            origin.found.name,
            origin.step,
            request.new_length,
        )
    told = [*_first_events(parent, request, origin, records), *(Logged("warning", line) for line in mixed)]
    steering = _steering(run, records, told)
    origin.loop_state["steering"] = steering
    attempt = max((int(record["attempt"]) for record in records), default=1)
    saved = [*_bring_best(run, origin, attempt, steering), _save(run, origin, attempt)]
    if origin.same_steps:
        _copy_predictions(run, parent.directory, request.which)
    lines = (encode({key: value for key, value in record.items() if key != "crc"}) for record in records)
    fs.write_new(run.events_path, b"".join(lines))
    log = EventLog(run.events_path, attempt)
    for event in (*saved, *told):
        log.append(event)
    log.close()


def _steering(run: RunDirectory, records: Sequence[Mapping[str, Any]], told: Sequence[Event]) -> dict[str, Any]:
    """The commands that steer the fork's plan, as its log will have them; its checkpoints carry them too."""
    history = _commanded(records)
    history.commands += [event.to_json() for event in told if isinstance(event, CommandObeyed)]
    return {"commands": history.steered, "fork": run.run().get("fork")}


def _commanded(records: Sequence[Mapping[str, Any]]) -> History:
    """What the commands of a log have changed."""
    history = History()
    history.commands = [dict(record) for record in records if record.get("type") == "command_obeyed"]
    return history


def _save(run: RunDirectory, origin: _Origin, attempt: int) -> CheckpointSaved:
    best = (origin.loop_state.get("best") or {}).get("step") == origin.step
    info = checkpoint.save(run, origin.step, attempt, origin.state, origin.loop_state, best)
    return CheckpointSaved(info.name, int(origin.loop_state.get("epoch", 0)), origin.step, best, info.bytes)


def _bring_best(run: RunDirectory, origin: _Origin, attempt: int, steering: Mapping[str, Any]) -> list[CheckpointSaved]:
    """Copy the best checkpoint so far, which may be another one; where it is lost, the search for the best
    begins anew.
    """
    best, found = origin.loop_state.get("best") or {}, origin.best
    if not best or best["step"] == origin.step:
        return []
    if found is None:
        origin.loop_state["best"] = None
        return []
    info = checkpoint.save(run, found.step, attempt, found.state, {**found.loop_state, "steering": steering}, True)
    return [CheckpointSaved(info.name, best["epoch"], found.step, True, info.bytes)]


def _copy_predictions(run: RunDirectory, parent: RunDirectory, which: Which) -> None:
    """Copy the parent's predictions at this point, to be shown until the fork has evaluated itself."""
    latest = "validation-best" if which == "best" else "validation-latest"
    for source, target in (("validation-best", "validation-best"), (latest, "validation-latest")):
        try:
            data = fs.read_limited(parent.predictions_dir / f"{source}.npz", _MOST_PREDICTIONS)
        except OSError:
            # Of a run of another hand it may be no file at all.
            continue
        fs.write_new(run.predictions_dir / f"{target}.npz", data)


def _first_events(
    parent: RunReader, request: ForkRequest, origin: _Origin, records: Sequence[Mapping[str, Any]]
) -> list[Event]:
    """The first events of the fork: its origin and its changes; a learning rate set by command in the parent no longer
    holds where the fork has one of its own. Without that it stays, by a command where the fork's log has none of it:
    a command may set what the model would not be given.
    """
    rate = _set_rate(parent.history, origin.step)
    before = {**parent.run["config"], "lr": _rate(parent, origin.step)}
    changes = [f"{name} {exact(before.get(name))} -> {exact(value)}" for name, value in request.changes.items()]
    if rate is not None and "lr" not in request.changes:
        changes.append(f"lr stays {exact(rate)}, as it was set while the parent trained")
    where = f"forked from {parent.directory.id} at step {origin.step:,} ({request.which} checkpoint)"
    told = f"{where}: {', '.join(changes)}" if changes else where
    events: list[Event] = [Logged("info", clean_line(told))]
    lr, inherited = request.changes.get("lr", rate), _set_rate(_commanded(records), origin.step)
    begins = {**parent.run["config"], **request.changes}.get("lr") if inherited is None else inherited
    if lr not in (None, begins):
        by, epoch = process.user_at_host(), int(origin.loop_state.get("epoch", 0))
        # The steps of a log of its own are others.
        step = origin.step if origin.same_steps else 0
        events.append(CommandObeyed(secrets.token_hex(8), "set", {"lr": lr}, epoch, step, by, time.time()))
    return events


Record = dict[str, Any]


_OWN = frozenset({"run_ended", "checkpoint_saved"})
"""The events that concern the parent alone."""


def inherited(records: Sequence[Record], checkpoint: str, step: int, new_length: bool) -> list[Record]:
    """The parent's records up to the checkpoint after `step` steps; all of them where that line is damaged.

    Later records of the parent are superseded by the fork's own start, but commands are not: commands that took effect
    after the step are left out. Epochs that were added to the parent belong to the fork's length, whenever they were
    added; with a `new_length` they are left out, and so is how many steps the parent's time was found to have.
    """
    saved = (number for number, record in enumerate(records) if record.get("name") == checkpoint)
    end = next(saved, len(records) - 1) + 1
    # They stand where the fork begins, like all else that it takes over.
    added = [
        {**record, "step": step, "epoch": records[end - 1].get("epoch", 0)}
        for record in records[end:]
        if _adds_epochs(record)
    ]
    return [record for record in (*records[:end], *added) if _stays(record, step, new_length)]


def _adds_epochs(record: Record) -> bool:
    return bool(record["type"] == "command_obeyed" and record.get("action") == "extend")


def _stays(record: Record, step: int, new_length: bool) -> bool:
    if record["type"] in _OWN or (record["type"] == "evaluated" and record.get("split") == "test"):
        return False
    if record["type"] != "command_obeyed":
        return True
    if _adds_epochs(record):
        return not new_length
    if record.get("action") == "fit" and new_length:
        return False
    at = record.get("step")
    return isinstance(at, int) and at <= step
