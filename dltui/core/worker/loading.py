"""Loads what a run.json names into a process: the plugin, the data, and one framework, which must stay the only one.
Two in a process crash each other without a clear error.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dltui.core.catalog import plugin_loader
from dltui.core.contract import Backend, Split
from dltui.core.contract.ranks import spreading
from dltui.core.contract.state import WEIGHTS
from dltui.core.data import needs
from dltui.core.errors import RunError
from dltui.core.inputs import kinds
from dltui.core.machine.devices import each_of
from dltui.core.text import clean_line, suggest
from dltui.core.train import augmentation
from dltui.core.train.options.check_options import check_ranks
from dltui.core.worker.ranks import gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dltui.core.contract import Data, Model, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import State
    from dltui.core.data.preparation import Preparation


def ranks(asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The devices of the ranks that train the run in processes of their own; none where the worker itself trains."""
    several = each_of(asked["device"])
    if len(several) == 1 or gathering.told() is not None:
        return several if len(several) > 1 else []
    backend = plugin_loader.load_backend(asked["backend_source"], asked["framework"])
    return several if spreading(backend).here == "ranks" else []


def plugins(asked: Mapping[str, Any], without_framework: bool = False) -> tuple[Model, Backend]:
    """Load the plugin and its framework; the framework first, set up for dltui, and alone in this process. A process
    whose ranks have the framework is `without_framework`.
    """
    backend = plugin_loader.load_backend(asked["backend_source"], asked["framework"])
    if without_framework:
        keep_out(backend)
        return plugin_loader.load_model(asked["model_source"], asked["model"]), backend
    warm_up = getattr(backend, "warm_up", None)
    # A package need not be called like its module; then the backend imports it a moment later.
    with contextlib.suppress(ModuleNotFoundError):
        (warm_up or partial(importlib.import_module, backend.package))()
    keep_out(backend)
    return plugin_loader.load_model(asked["model_source"], asked["model"]), backend


def data(
    asked: Mapping[str, Any], preparation: Preparation, model: Model, config: TrainConfig, tell: Callable[[str], None]
) -> Data:
    """The prepared data. Raises UsageError if the model needs images and there are none."""
    found = preparation.data(tell)
    # Only now is the shape known of a dataset that does not tell it.
    required = needs.reasons(model.id, model.needs_images, augmentation.for_images(config.model_dump()))
    needs.check_images(required, str(asked["dataset"]), found.spec.is_image)
    kinds.check(model.id, model.takes, str(asked["dataset"]), [kinds.kind_of(found.spec.named_inputs)], ())
    return found


def check_devices(asked: Mapping[str, Any], backend: Backend, config: TrainConfig, data: Data) -> None:
    """Check that the framework and the batches go with the devices of the run, which may have been chosen only on this
    machine. Raises UsageError.
    """
    values = {**config.model_dump(), "batch_size": min(config.batch_size, len(data.train))}
    far = gathering.told() is not None
    check_ranks(values, str(asked["device"]["name"]), len(each_of(asked["device"])), backend, far)


def trainable(
    asked: Mapping[str, Any],
    model: Model,
    backend: Backend,
    config: TrainConfig,
    data: Data,
) -> Trainable:
    """The model in this process, on the device of the run or on all of them."""
    several = len(each_of(asked["device"]))
    more = {"replicas": several} if several > 1 else {}
    return backend.trainable(model, config, data, device(asked), **more)


def shortened(asked: Mapping[str, Any], data: Data, config: TrainConfig) -> tuple[Data, TrainConfig]:
    """Data and config of a run; of a dry run two steps of one epoch, however long the run is to train, then everything
    else as usual.
    """
    if not asked.get("dry_run"):
        return data, config
    rows = min(len(data.train), DRY_RUN_STEPS * config.batch_size)
    stored = None if data.train.stored is None else data.train.stored[:rows]
    train = Split(data.train.x[:rows], data.train.y[:rows], data.train.ids[:rows], stored=stored)
    return replace(data, train=train), config.model_copy(update={"epochs": 1, "max_time": ""})


def device(asked: Mapping[str, Any]) -> str:
    """The device as a backend calls it: "cpu", "cuda" or "mps"."""
    return str(asked["device"]["name"]).split(":")[0]


DRY_RUN_STEPS = 2


class OtherFramework(RunError, ImportError):
    """The import of a second framework. A library that can do without it takes it for not installed."""


class _Refusal(Loader):
    def __init__(self, text: str) -> None:
        self._text = text

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        raise OtherFramework(self._text)

    def exec_module(self, module: ModuleType) -> None:
        raise OtherFramework(self._text)


class _Finder(MetaPathFinder):
    """An import finder for the forbidden modules, which still reports whether they are installed."""

    def __init__(self, names: Sequence[str], title: str) -> None:
        self._names, self._title = names, title

    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._names:
            return None
        text = f"this plugin imports {name}, which crashes in a process with {self._title}; a model has one framework"
        return ModuleSpec(name, _Refusal(text))


def keep_out(backend: Backend) -> None:
    """Make imports of the modules that the backend `forbids` raise OtherFramework from now on."""
    names = [name for name in getattr(backend, "forbids", ()) if name not in sys.modules]
    if names:
        sys.meta_path.insert(0, _Finder(names, backend.title))


def initial_state(given: object, initial: Callable[..., Any]) -> State:
    """What `Model.initial` returned. Raises RunError for anything but arrays by name."""
    wrong = "None" if given is None else type(given).__name__
    if isinstance(given, Mapping):
        state = dict(given)
        bad = [key for key, array in state.items() if not isinstance(key, str) or not hasattr(array, "shape")]
        if not bad:
            return state
        wrong = f"{type(state[bad[0]]).__name__} as {clean_line(bad[0], 100)}"
    told = f'initial returned {clean_line(wrong, 200)}; return a state {{"weights/...": array}}'
    raise RunError(told + plugin_loader.line_of(initial))


def misnamed(state: State, known: Collection[str], refusal: str) -> str:
    """What is told of the name in `state` that the network, whose names are `known`, refused; "" for another reason."""
    name = next((key for key in state if key not in known and key in refusal), "")
    if not name:
        return ""
    weights = [key for key in known if key.startswith(WEIGHTS)]
    hint = f"did you mean {WEIGHTS}{name}?" if WEIGHTS + name in weights else suggest(name, weights)
    hint = hint or f"it has {', '.join(weights[:3])}{' ...' if len(weights) > 3 else ''}"
    return f"initial returned {clean_line(name, 100)}, which the network does not have; {clean_line(hint, 200)}"
