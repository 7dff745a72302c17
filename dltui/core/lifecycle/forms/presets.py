"""The user's defaults for all trainings: the environment, ./dltui.toml and the user's settings, in that order.

A table [train] holds train options (device, dataset, ...) and hyperparameters; [train.MODEL], with a model's id or
name, those of one model. In the environment they are called DLTUI_DEVICE, DLTUI_BATCH_SIZE and so on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths, settings
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry

PROJECT_FILE = "dltui.toml"
TABLE = "train"
MOST_BYTES = 1 << 20
PREFIX = "DLTUI_"
RESERVED = (
    "DLTUI_CACHE",
    "DLTUI_CONFIG",
    "DLTUI_CPUS",
    "DLTUI_DATA",
    "DLTUI_HOME",
    "DLTUI_MOUSE",
    "DLTUI_NODES",
    "DLTUI_PLUGIN_SECONDS",
    "DLTUI_PRESETS",
    "DLTUI_PROBE",
    "DLTUI_RANKS",
    "DLTUI_RANK_SECONDS",
    "DLTUI_RUN",
    "DLTUI_SSH",
    "DLTUI_STATUS",
    "DLTUI_THIRD_PARTY",
    "DLTUI_TRUSTED",
)
"""Variables that mean something else, whatever a model calls its hyperparameters."""
NONE = {"DLTUI_PRESETS": "0"}
"""The environment of a process in which nothing is set but what its command line says."""
TOLD, TOLD_BY = "DLTUI_EXPORTS", "DLTUI_RUN"
"""The command of `--log command=...` is told the folder of its run's figures by the variable that elsewhere is the
setting of that name; the other variable shows it.
"""
OPTIONS = tuple(FieldSpec(name, "str", "") for name in ("dataset", "data_dir", "device", "exports", "format"))


@dataclass(frozen=True)
class Preset:
    """A checked value and its origin: "DLTUI_LR" or "dltui.toml [train.cnn-torch]"."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Layer:
    """A place where values are set; `own` when it is meant for this model alone."""

    origin: str
    values: Mapping[str, Any]
    own: bool = False


@dataclass(frozen=True)
class Presets:
    """The contents of the settings files. `of` gives the values for a model."""

    files: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """(name of the file, its table [train]), the nearest first."""
    environment: Mapping[str, str] | None = None

    def of(self, model: ModelEntry, catalog: Catalog) -> dict[str, Preset]:
        """The presets of a model by name, used where no flag is given. Raises UsageError naming place, key
        and range.
        """
        found: dict[str, Preset] = {}
        for layer in self._layers(model):
            for name, value in layer.values.items():
                preset = _checked(layer, name, value, model, catalog)
                if preset is not None:
                    found.setdefault(preset.name, preset)
        return found

    def _layers(self, model: ModelEntry) -> Iterator[Layer]:
        """The layers for this model, best first: a nearer place wins over a more exact table in a farther place."""
        yield from _environment_layers(model, os.environ if self.environment is None else self.environment)
        for file, train in self.files:
            for name in dict.fromkeys((model.id, model.name)):
                own = train.get(name)
                if isinstance(own, dict):
                    yield Layer(f"{file} [{TABLE}.{name}]", own, own=True)
            yield Layer(
                f"{file} [{TABLE}]", {key: value for key, value in train.items() if not isinstance(value, dict)}
            )


def load_presets() -> Presets:
    """Read ./dltui.toml and the user's settings. Raises UsageError for an invalid file."""
    if all(os.environ.get(name) == value for name, value in NONE.items()):
        return Presets(environment={})
    files = []
    project = _project_tables()
    if project is not None:
        files.append((PROJECT_FILE, _train_table(PROJECT_FILE, project)))
    own = settings.load_settings().tables
    name = clean_line(paths.config_file(), 200)
    files.append((name, _train_table(name, own)))
    return Presets(tuple((file, table) for file, table in files if table))


def _project_tables() -> dict[str, Any] | None:
    """The tables of ./dltui.toml, or None without it. The file may come with another person's data or code, so only
    [train] is allowed; raises UsageError for anything else.
    """
    file = Path(PROJECT_FILE)
    if file.exists() and not (file.is_file() and file.stat().st_size <= MOST_BYTES):
        raise UsageError(f"{PROJECT_FILE} here is not a file of settings; move it away or train in another folder")
    tables = settings.read_tables(file)
    for key in tables or ():
        if key != TABLE:
            raise UsageError(
                f"{PROJECT_FILE}: [{clean_line(key, 40)}] is not read from a working directory, only [{TABLE}] is; "
                f"the rest belongs into {clean_line(paths.config_file(), 200)}"
            )
    return tables


def _train_table(file: str, tables: Mapping[str, Any]) -> Mapping[str, Any]:
    train = tables.get(TABLE, {})
    if not isinstance(train, dict):
        raise UsageError(f'{file}: {TABLE} must be a table like [{TABLE}] device = "cpu"')
    return train


def _environment_layers(model: ModelEntry, environment: Mapping[str, str]) -> Iterator[Layer]:
    taken = {*RESERVED, *([TOLD] if environment.get(TOLD_BY) else [])}
    for spec in (*OPTIONS, *model.fields):
        variable = PREFIX + spec.name.upper()
        # An empty variable is one that is not set, as shells have it.
        if environment.get(variable) and variable not in taken:
            yield Layer(variable, {spec.name: environment[variable]})


def _checked(layer: Layer, key: str, value: Any, model: ModelEntry, catalog: Catalog) -> Preset | None:
    """The checked preset for this model; None for an option that belongs to other models."""
    name = key.replace("-", "_")
    spec = next((spec for spec in (*OPTIONS, *model.fields) if spec.name == name), None)
    if spec is None:
        if layer.own or not _known(name, catalog):
            raise _unknown(layer, key, model, catalog)
        return None
    if name == "dataset" and not layer.own and _other_task(value, model, catalog):
        return None
    if isinstance(value, list) and name == "format":
        value = ",".join(map(str, value))
    try:
        return Preset(name, spec.asked(value) if isinstance(value, str) else spec.check(value), layer.origin)
    except UsageError as error:
        raise UsageError(f"{layer.origin}: {error}") from None


def _other_task(dataset: Any, model: ModelEntry, catalog: Catalog) -> bool:
    entry = catalog.datasets.get(dataset) if isinstance(dataset, str) else None
    return entry is not None and not entry.suits(model)


def _known(name: str, catalog: Catalog) -> bool:
    return any(spec.name == name for spec in catalog.all_fields())


def _unknown(layer: Layer, key: str, model: ModelEntry, catalog: Catalog) -> UsageError:
    from dltui.core.text import suggest

    fields = model.fields if layer.own else catalog.all_fields()
    names = dict.fromkeys([*(spec.name for spec in OPTIONS), *(spec.name for spec in fields)])
    hint = suggest(key, names) or f"there is {', '.join(names)}"
    owner = f"{model.id} has no" if layer.own else "no model has a"
    return UsageError(f"{layer.origin}: {owner} setting {clean_line(key, 60)!r}; {hint}")
