"""Creates a run from a request, after checking all that can be checked."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.catalog import entries
from dltui.core.catalog.fields import check_values
from dltui.core.data import needs, search, suited
from dltui.core.data.findings import dropped
from dltui.core.errors import DataError, DltuiError, UsageError
from dltui.core.inputs import kinds
from dltui.core.lifecycle.launch import launching, placing
from dltui.core.machine.devices import OPEN, Device, left_open
from dltui.core.rundir import confidential, heartbeat, share
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import DEFAULT, Chosen, workers
from dltui.core.rundir.names import check_run_name, free_name, run_name
from dltui.core.text import clean_line
from dltui.core.train import augmentation
from dltui.core.train.options import time_budget
from dltui.core.train.options.check_options import (
    adapted,
    check_classes,
    check_device,
    check_kind,
    check_options,
    check_ranks,
    check_test,
)
from dltui.core.version import __version__
from dltui.core.worker import loggers
from dltui.core.worker.figures import RUN_FORMATS, check_formats

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry, Catalog, DatasetEntry, ModelEntry
    from dltui.core.contract import Data


@dataclass(frozen=True)
class RunRequest:
    """A request to train. `config` and `dataset_options` hold the values that differ from the defaults."""

    model: str
    dataset: str
    dataset_options: Mapping[str, Any] = field(default_factory=dict)
    data_dir: str | None = None
    device: str = "auto"
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    exports: str = "exports"
    formats: Sequence[str] = ("svg",)
    plugins: Sequence[Path | str] = ()
    command: Sequence[str] = ()
    group: str | None = None
    parent: str | None = None
    dry_run: bool = False
    fork: Mapping[str, Any] | None = None
    """The origin of a forked run: path, checkpoint, from, epoch, step, changes."""
    share: str | None = None
    """"group": the run directory is readable for the group of this user."""
    loggers: Sequence[str] = ()
    """NAME or NAME=OPTION of each observer that follows the run."""
    twin: Mapping[str, Any] | None = None
    """The entry of a run that is compared with its twin: {"start": path of the twin's weights, or None}."""
    dropped: Mapping[str, Any] | None = None
    """What an earlier run left out, where this one is to leave out the same (`dropped.record`)."""
    sweep: Mapping[str, Any] | None = None
    """The trial of a sweep that the run is: see `analysis.trials`."""
    draws: bool = True
    """False: neither figures nor tables are written at its end, but when they are asked for."""
    notes: Sequence[str] = ()
    """What its log says before anything else, such as how a value was found; a line each."""
    launcher: str = DEFAULT
    """By what it is started; `launcher_options` are the options that differ from the launcher's defaults."""
    launcher_options: Mapping[str, Any] = field(default_factory=dict)


Fill = Callable[[RunDirectory], None]
MOST_NAMED = 3
"""So many models are proposed instead of one that does not fit."""


def create_run(
    request: RunRequest,
    catalog: Catalog,
    tell: Callable[[str], None] = lambda text: None,
    fill: Fill = lambda run: None,
) -> RunDirectory:
    """Create the directory of a run that can be started. Raises UsageError, and then nothing is left on disk. `tell`
    gets the progress of the preparation of the user's own data, which comes before the run; `fill` adds files to the
    folder before it gets its name.
    """
    checked = check_request(request, catalog)
    _writable(request.exports)
    return create_checked(request, checked.prepare(tell), fill)


def create_checked(request: RunRequest, checked: Checked, fill: Fill = lambda run: None) -> RunDirectory:
    """Create the directory of a run whose request is checked, and its data prepared. Raises UsageError."""
    exports = _writable(request.exports)
    paths.ensure_private_dir(paths.runs_dir())
    record = {**checked.record(request), "notes": [*request.notes, *checked.notes]}
    return _create(request.name, exports, record, partial(_fill_all, checked.followers, fill))


def create_like(run: RunDirectory, name: str, changes: Mapping[str, Any]) -> RunDirectory:
    """Create a run that differs from another one of this user in these fields of run.json alone, and in its name and
    time. Raises UsageError.
    """
    asked = run.run()
    exports = _writable(str(Path(str(asked["exports"])).parent))
    record = {key: value for key, value in asked.items() if key not in ("format", "id", "birth")}
    followers = confidential.unmasked(run, asked.get("loggers") or ())
    return _create(name, exports, {**record, **_now(), **changes}, partial(_fill_all, followers, lambda made: None))


@dataclass(frozen=True)
class Checked:
    """A request whose model, data, options and device go together, as far as can be said without the data."""

    model: ModelEntry
    dataset: DatasetEntry
    device: Device
    fields: Mapping[str, Any]
    """The fields of run.json that follow from the choices."""
    reasons: Mapping[str, str]
    """The argument of `needs.check_images`."""
    followers: Sequence[Mapping[str, str]]
    given: frozenset[str]
    """The hyperparameters that the user has set."""
    notes: Sequence[str] = ()

    def prepare(self, tell: Callable[[str], None]) -> Checked:
        """Prepare the user's own data, which comes before all else, and suit to it what was left open. Raises
        UsageError.
        """
        data = prepare_first(self.dataset, self.fields, self.fields["dataset_options"], self.reasons, tell)
        if data is None:
            return self
        check_classes(self.fields["config"], self.fields["task"], self.model.own_metrics, data.spec.outputs)
        config, notes = suited.to_data(self.fields["config"], data, self.given, self.model, self.device.kind)
        return replace(self, fields={**self.fields, "config": config}, notes=notes)

    def record(self, request: RunRequest) -> dict[str, Any]:
        """What run.json would hold, without names and places."""
        return {**self.fields, **_chosen(request, self.dataset, self.device)}


def check_request(request: RunRequest, catalog: Catalog) -> Checked:
    """Check a request, touching no disk. Raises UsageError."""
    model = catalog.model(request.model)
    dataset = catalog.dataset(request.dataset)
    _check_fit(model, dataset, catalog)
    config = full_config(model, request.config)
    reasons = needs.reasons(model.id, model.needs_images, augmentation.for_images(config))
    files = [name for name, one in (("model", model), ("dataset", dataset)) if one.source.get("kind") == "file"]
    kinds.check(model.id, model.takes, dataset.name, dataset.gives, _fitting(dataset, catalog), files)
    if config.get("mixup") and model.takes != ("single",) and dataset.gives != ("single",):
        raise UsageError("mixup needs samples that are a single input, not named ones; leave it out")
    # A dataset that does not tell its shape is asked for it when it is prepared.
    if dataset.input_shape:
        needs.check_images(reasons, dataset.name, len(dataset.input_shape) == 3)
    options = suited.sized(full_options(dataset, {**dataset.given, **request.dataset_options}), model, config)
    task = _task(model, dataset, options)
    config = _adapted(request, config, model, task)
    check_options(config, task, model.id, model.own_metrics, dataset.classes)
    formats = check_formats(request.formats, RUN_FORMATS)
    if request.name is not None:
        check_run_name(request.name)
    _check_data_dir(request.data_dir, dataset, options)
    followers = loggers.chosen(request.loggers, catalog)
    launcher, device = _launcher_and_device(request, config, catalog.backends[model.framework], catalog)
    left_out = request.dropped or _dropped(options, dataset)
    if left_out:
        options = {**options, dropped.OPTION: dropped.placed(str(options.get(dropped.OPTION) or ""), left_out)}
    fields = {
        **_origins(model, dataset, options, catalog),
        "config": config,
        "defaults": {spec.name: spec.default for spec in model.fields},
        "seed": config.get("seed", 0),
        "dataset_options": options,
        **({dropped.FIELD: dict(left_out)} if left_out else {}),
        "formats": formats,
        "loggers": [{**one, "option": confidential.masked(one["name"], one["option"])} for one in followers],
        **({} if launcher.is_default else {"launcher": {"name": launcher.name, "options": dict(launcher.options)}}),
    }
    return Checked(model, dataset, device, fields, reasons, followers, frozenset(request.config))


def _adapted(request: RunRequest, config: dict[str, Any], model: ModelEntry, task: str) -> dict[str, Any]:
    """The config as it suits the task and what the user has set. Raises UsageError for what was set wrongly."""
    given = _given(request, model)
    config = adapted(config, given, task)
    check_test(config, given)
    # A fork has the time of its parent, a trial that of its sweep.
    if request.sweep is None and "max_time" in (request.fork["changes"] if request.fork else config):
        time_budget.check_clear(str(config["max_time"]))
    return config


def _given(request: RunRequest, model: ModelEntry) -> set[str]:
    """The names of the hyperparameters that the user has set. The request of a fork has all of its parent's: only those
    count that it changes, or that are not the model's defaults.
    """
    names = set(request.config)
    if request.fork is not None:
        same = {spec.name for spec in model.fields if request.config.get(spec.name) == spec.default}
        names -= same - set(request.fork["changes"])
    # A trial leaves its test to the winner, whatever the user wants of it.
    return names - {"test"} if request.sweep is not None else names


def _launcher_and_device(
    request: RunRequest, config: Mapping[str, Any], backend: BackendEntry, catalog: Catalog
) -> tuple[Chosen, Device]:
    """The device of a job on another machine is open until it begins there."""
    launcher, entry = launching.check(Chosen(request.launcher, request.launcher_options), catalog)
    device = placing.device(request.device, launcher, entry, catalog, backend.kinds)
    if device.name != "auto":
        check_kind(device.name, backend)
    check_device(config, "cuda" if device.title == OPEN else device.name)
    check_ranks(config, *placing.ranks(device, launcher), backend, workers(launcher) > 1)
    return launcher, device


def _fill_all(followers: Sequence[Mapping[str, str]], fill: Fill, run: RunDirectory) -> None:
    """Write the secrets of the loggers into the folder of a new run, and what `fill` adds."""
    confidential.write(run.path, followers)
    heartbeat.record_starting(run.path, os.getpid(), creator=True)
    fill(run)


def full_config(model: ModelEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    """All hyperparameters, checked by their bounds and, where necessary, by the model's own Config. Raises
    UsageError.
    """
    config = check_values(model.fields, given, f"model {model.id}")
    if not model.checks_more:
        return config
    from dltui.core.catalog import questions

    return questions.full_config(model, config)


def full_options(dataset: DatasetEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a dataset, checked likewise. Raises UsageError."""
    options = check_values(dataset.fields, given, f"dataset {dataset.name}")
    if not dataset.checks_more:
        return options
    from dltui.core.catalog import questions

    return questions.full_options(dataset, options)


def _origins(model: ModelEntry, dataset: DatasetEntry, options: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The fields of run.json that name the model, dataset and framework, and the code that a worker loads."""
    return {
        "model": model.id,
        "model_name": model.name,
        "framework": model.framework,
        "task": dataset.task_with(options, model),
        **({"takes": list(model.takes)} if model.takes != ("single",) else {}),
        "model_source": dict(model.source),
        "backend_source": dict(catalog.backends[model.framework].source),
        "dataset": entries.title(dataset, options),
        "dataset_plugin": dataset.plugin or dataset.name,
        "dataset_source": {**dataset.source, "python": model.source["python"]},
        "python": model.source["python"],
    }


def _chosen(request: RunRequest, dataset: DatasetEntry, device: Device) -> dict[str, Any]:
    """The fields of run.json for the time, the places and the command of the request."""
    return {
        **_now(),
        "data_dir": paths.absolute(request.data_dir) if request.data_dir else None,
        "data_dirs": [str(folder) for folder in search.data_dirs(request.data_dir, dataset.name)],
        "device": left_open(request.device) if device.title == OPEN else device.record(request.device),
        "command": confidential.mask_command(request.command),
        "plugins": [paths.absolute(str(path)) for path in request.plugins],
        "parent": request.parent,
        "fork": dict(request.fork) if request.fork is not None else None,
        "share": share.check(request.share),
        "group": request.group,
        "dry_run": request.dry_run,
        "twin": dict(request.twin) if request.twin is not None else None,
        **({"sweep": dict(request.sweep)} if request.sweep is not None else {}),
        **({} if request.draws else {"draws": False}),
        "dltui": __version__,
        "cwd": paths.working_directory(),
    }


def _now() -> dict[str, Any]:
    return {"created": time.time(), "created_text": time.strftime("%Y-%m-%d %H:%M:%S %z")}


def _check_fit(model: ModelEntry, dataset: DatasetEntry, catalog: Catalog) -> None:
    if not model.available:
        raise UsageError(f"{model.id} cannot be trained here: {model.reason}")
    if not dataset.fits(*model.tasks):
        fitting = [entry.name for entry in catalog.datasets.values() if entry.fits(*model.tasks)]
        hint = f"for {model.task} there is {', '.join(fitting)}" if fitting else f"none is for {model.task}"
        given = "targets in a table" if dataset.task == "any" else dataset.task
        raise UsageError(f"dataset {dataset.name} is for {given}, model {model.id} does {model.task}; {hint}")
    from dltui.core.catalog.assemble import missing_plugin

    missing = missing_plugin(dataset.source, str(model.source["python"]), catalog)
    if missing:
        raise UsageError(f"dataset {dataset.name}: {missing}")


def _fitting(dataset: DatasetEntry, catalog: Catalog) -> list[str]:
    """The names of the first models that take what a dataset gives."""
    models = [model for model in catalog.models.values() if dataset.suits(model)]
    return list(dict.fromkeys(model.name for model in models))[:MOST_NAMED]


def _task(model: ModelEntry, dataset: DatasetEntry, options: Mapping[str, Any]) -> str:
    """The task of the run. Raises UsageError if the model cannot be built for it."""
    task = dataset.task_with(options, model)
    if task not in model.tasks:
        given = next((f"with {name} " for name in dataset.task_options if options.get(name)), "")
        raise UsageError(f"{given}this data is for {task}, model {model.id} does {' and '.join(model.tasks)}")
    return task


def _dropped(options: Mapping[str, Any], dataset: DatasetEntry) -> dict[str, Any] | None:
    """What is left out of the data, for run.json. Raises UsageError."""
    text = str(options.get(dropped.OPTION) or "")
    field = next((each for each in dataset.fields if each.name == dropped.OPTION), None)
    if text and field is not None and field.unit == dropped.UNIT and not dropped.review_of(text):
        raise UsageError(f"drop names a review.csv, got {clean_line(text, 100)}")
    return dropped.record(text)


def _check_data_dir(data_dir: str | None, dataset: DatasetEntry, options: Mapping[str, Any]) -> None:
    """Check that an explicit data folder has the data, because the run would otherwise fail. Raises UsageError."""
    if not data_dir:
        return
    folder = paths.absolute(data_dir)
    if why := paths.unreachable(folder):
        raise UsageError(f"cannot look at {clean_line(data_dir)}: {why}; choose another --data-dir")
    if not paths.is_folder(folder):
        raise UsageError(f"no data folder {clean_line(data_dir)}; --data-dir names a folder that holds {dataset.name}")
    from dltui.core.data.search import is_named, search_folders

    if not dataset.files or is_named(dataset, data_dir):
        return
    from dltui.core.catalog import questions

    # The dataset may know other names of its files than those listed.
    if questions.dataset_files(dataset, options, search_folders(dataset.name, data_dir)) == []:
        wanted = ", ".join(dataset.files)
        raise UsageError(f"no files of {dataset.name} in {clean_line(data_dir)}; wanted are {wanted}")


def _writable(exports: str) -> Path:
    """The absolute folder of figures, tested by creating it and a file in it, both removed: permission bits do not
    suffice.
    """
    folder = Path(paths.absolute(exports or "."))
    try:
        try:
            _try_folder(folder)
        except FileNotFoundError:
            # Another command that tried it at the same moment has removed it.
            _try_folder(folder)
    except FileExistsError as error:
        raise UsageError(
            f"cannot write figures to {clean_line(folder)}: {clean_line(error.filename)} is a file"
        ) from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"cannot write figures to {clean_line(folder)}: {reason}; choose another --exports") from None
    return folder


def _try_folder(folder: Path) -> None:
    """Create a file in a folder, which is made with those above it, and remove all of it. Raises OSError and
    ValueError.
    """
    made: list[Path] = []
    try:
        for part in reversed([folder, *folder.parents]):
            if not part.is_dir() and _made(part):
                made.append(part)
        trial = fs.temp_name(folder / "dltui")
        trial.touch(exist_ok=False)
        trial.unlink()
    finally:
        for part in reversed(made):
            # Another command may use it already.
            with contextlib.suppress(OSError):
                part.rmdir()


def _made(folder: Path) -> bool:
    """Make a folder; False where another command has just done so. Raises FileExistsError for a file."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def _create(name: str | None, exports: Path, record: dict[str, Any], fill: Fill) -> RunDirectory:
    """Create a directory under a name that neither a run nor a folder of figures has."""
    rng = random.Random()
    while True:
        run_id = free_name(
            name or run_name(rng),
            lambda text: os.path.lexists(paths.runs_dir() / text) or os.path.lexists(exports / text),
        )
        whole = {**record, "name": name or run_id, "exports": str(exports / run_id)}
        try:
            with share.writing(record["share"]):
                return RunDirectory.create(run_id, whole, fill)
        except UsageError:
            # The name was taken by another process at this moment: try another name. Anything else is an error.
            if not os.path.lexists(paths.runs_dir() / run_id):
                raise


def prepare_first(
    dataset: DatasetEntry,
    origins: Mapping[str, Any],
    options: Mapping[str, Any],
    images: Mapping[str, str],
    tell: Callable[[str], None],
) -> Data | None:
    """Prepare the data at a path before a run is created with it; None for other data, which the worker prepares.
    `images` are the reasons for `needs.check_images`. Raises UsageError, and then no run is left; DataError for what is
    wrong with the data alone.
    """
    if not dataset.takes:
        return None
    from dltui.core.data.preparation import Preparation

    if not options.get("path"):
        name = origins["dataset_plugin"]
        raise UsageError(f"dataset {name} needs a path: --dataset {name}:PATH")
    asked = {**origins, "dataset_options": dict(options)}
    preparation = Preparation.before_run(asked, str(origins["python"]))
    try:
        data = preparation.data(tell)
    except DltuiError as error:
        raise DataError(str(error)) from None
    except BaseException:
        preparation.cancel()
        preparation.wait()
        raise
    name, takes = str(origins["dataset"]), origins.get("takes") or ("single",)
    needs.check_images(images, name, data.spec.is_image)
    kinds.check(str(origins["model"]), takes, name, [kinds.kind_of(data.spec.named_inputs)], ())
    return data
