"""Turns loaded plugins into plain records for the catalog, and checks them on the way."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from dltui.core.catalog.plugin_loader import Failure, Loaded, explain, sources_of
from dltui.core.catalog.schema import checks_more, field_specs, validated
from dltui.core.contract.config import DatasetOptions, Options, TrainConfig
from dltui.core.contract.ranks import Spread
from dltui.core.contract.types import DatasetTask, DeviceKind, InputKind, Task
from dltui.core.errors import PluginError
from dltui.core.tasks.monitor import NAME as NAME_OF_METRIC
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec
    from dltui.core.contract import Backend, Dataset, Exporter, Logger, Model
    from dltui.core.contract.families import Family, Member
    from dltui.core.contract.launchers import Launcher

RESERVED = {
    "train": frozenset(
        "as_json data data_dir dataset debug detach device dry_run exports format formats help host json launcher like "
        "log loggers model name plain plugin plugins queue seeds share".split()
    ),
    "sweep": frozenset("confirm min_epochs parallel pruner reduction sampler trials vary".split()),
    "find-lr": frozenset("highest lowest steps to".split()),
    "fork": frozenset("from run trust which".split()),
}
"""The names of the options of the commands that have a flag for each hyperparameter, those of `train` once: a
hyperparameter of such a name could not be given.
"""
SCHEDULE = "schedule_factors"
NEAR = 0.85
"""The similarity from which two words are taken for the same word, misspelled."""
ANY = "any"
"""The name with which a family's model is asked for what all members share."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SUFFIX = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")

Record = dict[str, Any]


def describe(loaded: Loaded) -> Record:
    """The records of all items of plugins, from models to launchers; invalid items become entries of `errors`."""
    errors = list(loaded.errors)
    record: Record = {
        "models": _each(loaded.models, "model", model_record, errors),
        "families": _each(loaded.families, "family", family_record, errors),
        "backends": _each(loaded.backends, "backend", backend_record, errors),
        "datasets": _each(loaded.datasets, "dataset", dataset_record, errors),
        "exporters": _each(loaded.exporters, "exporter", exporter_record, errors),
        "loggers": _each(loaded.loggers, "logger", logger_record, errors),
        "launchers": _each(loaded.launchers, "launcher", launcher_record, errors),
    }
    record["errors"] = [[failure.where, failure.reason, failure.missing] for failure in errors]
    return record


def model_record(model: Model) -> Record:
    """The record of a model. Raises PluginError for an invalid model."""
    _check_name(model.id)
    _check_name(model.name)
    return _model_record(model)


def family_record(family: Family) -> Record:
    """The record of a family: that of any member, with the family's name. Raises PluginError for an invalid family."""
    _check_name(family.name)
    if not (callable(family.members) and callable(family.model) and callable(family.about)):
        raise PluginError("its members, model and about must be functions")
    model = family.model(ANY)
    if (model.id, model.name) != (wanted := f"{family.name}:{ANY}", wanted):
        raise PluginError(f'its model("{ANY}") must have the id and the name {wanted}')
    return {**_model_record(model), "name": family.name, "summary": _text(family.summary)}


def member_record(member: Member) -> Record:
    """The record of a family's member."""
    weights = member.weights if member.weights in ("here", "download") else ""
    return {
        "name": _text(member.name),
        "image_size": int(member.image_size),
        "weights": weights,
        "parameters": int(member.parameters),
    }


def _model_record(model: Model) -> Record:
    _check_name(model.framework)
    _check_task(model.task)
    if not (inspect.isclass(model.config) and issubclass(model.config, TrainConfig)):
        raise PluginError("its config must be a subclass of TrainConfig")
    _check_function("build", model.build, "config", "spec")
    if model.initial is not None:
        _check_function("initial", model.initial, "config", "spec", "progress")
    if model.metrics is not None:
        _check_function("metrics", model.metrics, "outputs", "targets")
    for task in _items("also", model.also):
        _check_task(task)
    _items("example", model.example)
    _check_kinds("takes", model.takes)
    _check_monitor(model)
    _check_config(model.config)
    return {
        "id": model.id,
        "name": model.name,
        "framework": model.framework,
        "task": model.task,
        "summary": _text(model.summary),
        "fields": [field.to_json() for field in _specs(model.config)[0]],
        "checks_more": _specs(model.config)[1],
        "requires": _texts("requires", model.requires),
        "needs_images": bool(model.needs_images),
        "own_metrics": model.metrics is not None,
        "also": list(model.also),
        "image_size": int(model.image_size),
        "takes": list(model.takes),
    }


@cache
def _specs(config: type[TrainConfig]) -> tuple[list[FieldSpec], bool]:
    """The fields of a config, and if it checks more than they tell: twins and families share one, whose schema takes
    its time.
    """
    return field_specs(config), checks_more(config)


def _check_monitor(model: Model) -> None:
    asked = model.monitor
    if asked and not (isinstance(asked, str) and NAME_OF_METRIC.fullmatch(asked)):
        given = clean_line(repr(asked), 60)
        raise PluginError(f'its monitor must be the name of a metric, "f1" or "-f1", it is {given}')
    known = TASKS[model.task].names
    if asked and model.metrics is None and asked.removeprefix("-") not in known:
        raise PluginError(
            f"its monitor asks for {asked}, but it has no metrics; without them there is {', '.join(known)}"
        )


def _check_config(config: type[TrainConfig]) -> None:
    _check_flags(config)
    own = [name for owner in config.__mro__ if issubclass(owner, TrainConfig) for name in vars(owner)]
    for name in difflib.get_close_matches(SCHEDULE, own, n=len(own), cutoff=NEAR):
        if name != SCHEDULE and inspect.isfunction(getattr(config, name, None)):
            raise PluginError(f"dltui never calls {config.__name__}.{name}; did you mean {SCHEDULE}(steps, total)?")


def _check_flags(config: type[TrainConfig]) -> None:
    """Check that each hyperparameter can have a flag. Raises PluginError."""
    own = config.model_fields.keys()
    taken = {name: command for command, names in RESERVED.items() for name in sorted(names & own)}
    if not taken:
        return
    names = " and ".join(f"{config.__name__}.{name}" for name in taken)
    commands = " and ".join(dict.fromkeys(taken.values()))
    told, others = ("is the name of an option", "another") if len(taken) == 1 else ("are names of options", "others")
    raise PluginError(f"{names} {told} of dltui {commands}; choose {others}")


def dataset_record(dataset: Dataset) -> Record:
    """The record of a dataset. Raises PluginError for an invalid dataset."""
    _check_name(dataset.name)
    if dataset.task not in get_args(DatasetTask):
        _check_task(dataset.task)
    _check_kinds("gives", dataset.gives)
    if not (inspect.isclass(dataset.options) and issubclass(dataset.options, DatasetOptions)):
        raise PluginError("its options must be a subclass of DatasetOptions")
    _check_task_options(dataset)
    _check_function("prepare", dataset.prepare, "options", "context")
    _check_function("sources", dataset.sources, "options", "folders")
    if dataset.takes not in ("", "folder", "file", "name") or (
        dataset.takes and "path" not in dataset.options.model_fields
    ):
        raise PluginError('it takes "folder", "file", "name" or "", and what takes a path needs an option `path`')
    return {
        "name": dataset.name,
        "task": dataset.task,
        "summary": _text(dataset.summary),
        "fields": [field.to_json() for field in field_specs(dataset.options)],
        "checks_more": checks_more(dataset.options),
        "input_shape": [int(size) for size in _items("input_shape", dataset.input_shape)],
        "classes": int(dataset.classes),
        "train_size": int(dataset.train_size),
        "test_size": int(dataset.test_size),
        "download_bytes": int(dataset.download_bytes),
        # What takes a path has no sources before there is one.
        "embedded": not dataset.takes and sources_of(dataset, validated(dataset.options, {}), ()) is None,
        "homepage": _text(dataset.homepage),
        "files": _texts("files", dataset.files),
        "file_sizes": [int(size) for size in _items("file_sizes", dataset.file_sizes)],
        "urls": _texts("urls", dataset.urls),
        "takes": dataset.takes,
        "previews": dataset.preview is not None,
        "task_options": {_text(name): task for name, task in (dataset.task_options or {}).items()},
        "gives": list(dataset.gives),
    }


def _check_task_options(dataset: Dataset) -> None:
    given = dataset.task_options or {}
    for task in given.values():
        _check_task(task)
    unknown = set(given) - set(dataset.options.model_fields)
    if unknown:
        names = ", ".join(sorted(clean_line(repr(name), 60) for name in unknown))
        raise PluginError(f"its task_options name {names}, which its options do not have")


def backend_record(backend: Backend) -> Record:
    _check_name(backend.framework)
    texts = {name: _text(getattr(backend, name)) for name in ("framework", "title", "package", "install")}
    spread = getattr(backend, "spread", "")
    if spread not in get_args(Spread):
        known = " or ".join(f'"{word}"' for word in get_args(Spread))
        raise PluginError(f"its spread must be {known}, it is {clean_line(repr(spread), 60)}")
    for name in ("formats", "forbids"):
        _items(name, getattr(backend, name, ()))
    options, kinds = (_texts(name, getattr(backend, name, ())) for name in ("options", "kinds"))
    for kind in kinds:
        if kind not in get_args(DeviceKind):
            known = ", ".join(get_args(DeviceKind))
            raise PluginError(f"its kinds are of {known}, one is {clean_line(repr(kind), 60)}")
    return {**texts, "options": options, "spread": spread, "kinds": kinds}


def exporter_record(exporter: Exporter) -> Record:
    if exporter.task is not None:
        _check_task(exporter.task)
    if exporter.kind not in ("figure", "table"):
        raise PluginError(f'its kind must be "figure" or "table", it is {clean_line(repr(exporter.kind), 60)}')
    _check_name(exporter.name)
    if exporter.kind == "table" and not (isinstance(exporter.suffix, str) and SUFFIX.fullmatch(exporter.suffix)):
        given = clean_line(repr(exporter.suffix), 60)
        raise PluginError(f'its suffix must be that of the file, such as "csv", without a dot before it; it is {given}')
    _check_function("draw", exporter.draw, "run", "target")
    suffix = exporter.suffix if exporter.kind == "table" else ""
    return {"name": exporter.name, "kind": exporter.kind, "suffix": suffix, "task": exporter.task}


def logger_record(logger: Logger) -> Record:
    _check_name(logger.name)
    _check_function("open", logger.open, "run", "option", "attempt")
    return {name: _text(getattr(logger, name)) for name in ("name", "summary", "package", "install")}


def launcher_record(launcher: Launcher) -> Record:
    """The record of a launcher. Raises PluginError for an invalid one."""
    _check_name(launcher.name)
    for name, arguments in (("start", "launch, options"), ("state", "launch, job"), ("kill", "launch, job")):
        if not callable(getattr(launcher, name)):
            raise PluginError(f"its {name} must be a function ({arguments})")
    if not (inspect.isclass(launcher.options) and issubclass(launcher.options, Options)):
        raise PluginError("its options must be a subclass of LauncherOptions")
    unknown = set(_texts("flags", launcher.flags)) - set(launcher.options.model_fields)
    if unknown:
        raise PluginError(f"its flags name {', '.join(sorted(unknown))}, which its options do not have")
    return {
        **{name: _text(getattr(launcher, name)) for name in ("name", "summary", "package", "install")},
        **{name: _texts(name, getattr(launcher, name)) for name in ("flags", "programs")},
        "fields": [field.to_json() for field in field_specs(launcher.options)],
        "checks_more": checks_more(launcher.options),
        "away": bool(launcher.away),
        "requeues": bool(launcher.requeues),
    }


def _each(items: Iterable[Any], kind: str, record: Callable[[Any], Record], errors: list[Failure]) -> list[Record]:
    found = []
    for item in items:
        try:
            found.append(record(item))
        except BaseException as error:
            name = next(
                (v for key in ("id", "name", "framework") if isinstance(v := getattr(item, key, None), str)), ""
            )
            errors.append(explain(f"{kind} {name}".strip(), error))
    return found


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"{clean_line(repr(name), 60)} is not a valid name; up to 64 of a-z, 0-9, dot, dash and underscore are"
        )


def _check_task(task: object) -> None:
    if task not in get_args(Task):
        raise PluginError(f"its task must be {' or '.join(get_args(Task))}, it is {clean_line(repr(task), 60)}")


def _check_function(name: str, function: object, *arguments: str) -> None:
    """Check that a function can be called with these arguments. Raises PluginError."""
    wanted = f"a function ({', '.join(arguments)})"
    if not callable(function):
        raise PluginError(f"its {name} must be {wanted}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Of a callable that is written in C.
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise PluginError(f"its {name} must be {wanted}, it takes {clean_line(signature, 100)}") from None


def _check_kinds(name: str, kinds: object) -> None:
    """Check the kinds of inputs that a model takes or a dataset gives. Raises PluginError."""
    known = get_args(InputKind)
    if not isinstance(kinds, (tuple, list)) or not kinds or not set(kinds).issubset(known):
        raise PluginError(f'its {name} must be a tuple of {", ".join(known)}, such as {name}=("sequence",); '
                          f"it is {clean_line(repr(kinds), 60)}")  # fmt: skip


def _items(name: str, value: Any) -> tuple[Any, ...]:
    """The items of a field that is a tuple. Raises PluginError for a single value, which a tuple of one is often meant
    by.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise PluginError(f"its {name} must be a tuple: {name}=({clean_line(repr(value), 60)},)")
    return tuple(value)


def _texts(name: str, value: Any) -> list[str]:
    return [_text(item) for item in _items(name, value)]


def _text(value: object) -> str:
    return clean_line(value, 1000)
