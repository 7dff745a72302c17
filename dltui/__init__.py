"""dltui trains deep-learning models from a terminal; this root offers what plugins and notebooks need, lazily."""

from typing import TYPE_CHECKING, Any

from dltui.core.version import __version__ as __version__

if TYPE_CHECKING:
    from pydantic import Field as Field

    from dltui.core.contract import Arrays as Arrays
    from dltui.core.contract import Backend as Backend
    from dltui.core.contract import Column as Column
    from dltui.core.contract import Data as Data
    from dltui.core.contract import Dataset as Dataset
    from dltui.core.contract import EpochPlan as EpochPlan
    from dltui.core.contract import Exporter as Exporter
    from dltui.core.contract import Input as Input
    from dltui.core.contract import Layer as Layer
    from dltui.core.contract import Logger as Logger
    from dltui.core.contract import Mixing as Mixing
    from dltui.core.contract import Model as Model
    from dltui.core.contract import Observer as Observer
    from dltui.core.contract import PreparationContext as PreparationContext
    from dltui.core.contract import Preview as Preview
    from dltui.core.contract import Rank as Rank
    from dltui.core.contract import Spec as Spec
    from dltui.core.contract import Split as Split
    from dltui.core.contract import StepStats as StepStats
    from dltui.core.contract import Target as Target
    from dltui.core.contract import Trainable as Trainable
    from dltui.core.contract.config import DatasetOptions as DatasetOptions
    from dltui.core.contract.config import TrainConfig as TrainConfig
    from dltui.core.contract.families import Family as Family
    from dltui.core.contract.families import Member as Member
    from dltui.core.contract.hooks import hookimpl as hookimpl
    from dltui.core.contract.launchers import Launch as Launch
    from dltui.core.contract.launchers import Launcher as Launcher
    from dltui.core.contract.launchers import LauncherOptions as LauncherOptions
    from dltui.core.contract.launchers import LaunchState as LaunchState
    from dltui.core.errors import RunError as RunError
    from dltui.core.reading.notebook import load_run as load_run
    from dltui.core.reading.reader import RunReader as RunReader
    from dltui.core.tasks.scores.softmax import log_softmax as log_softmax
    from dltui.core.text import clean_line as clean_line
    from dltui.core.train.augmentation.geometry import apply as augment_images  # noqa: F401

# Listing a plugin must cost nothing that it does not use, so each name is imported when first asked for.
_HOMES = {
    "Arrays": "dltui.core.contract",
    "Backend": "dltui.core.contract",
    "Column": "dltui.core.contract",
    "Data": "dltui.core.contract",
    "Dataset": "dltui.core.contract",
    "DatasetOptions": "dltui.core.contract.config",
    "EpochPlan": "dltui.core.contract",
    "Exporter": "dltui.core.contract",
    "Family": "dltui.core.contract.families",
    "Field": "pydantic",
    "Input": "dltui.core.contract",
    "Launch": "dltui.core.contract.launchers",
    "LaunchState": "dltui.core.contract.launchers",
    "Launcher": "dltui.core.contract.launchers",
    "LauncherOptions": "dltui.core.contract.launchers",
    "Layer": "dltui.core.contract",
    "Logger": "dltui.core.contract",
    "Member": "dltui.core.contract.families",
    "Mixing": "dltui.core.contract",
    "Model": "dltui.core.contract",
    "Observer": "dltui.core.contract",
    "PreparationContext": "dltui.core.contract",
    "Preview": "dltui.core.contract",
    "Rank": "dltui.core.contract",
    "RunError": "dltui.core.errors",
    "RunReader": "dltui.core.reading.reader",
    "Spec": "dltui.core.contract",
    "Split": "dltui.core.contract",
    "StepStats": "dltui.core.contract",
    "Target": "dltui.core.contract",
    "TrainConfig": "dltui.core.contract.config",
    "Trainable": "dltui.core.contract",
    "augment_images": "dltui.core.train.augmentation.geometry",
    "clean_line": "dltui.core.text",
    "hookimpl": "dltui.core.contract.hooks",
    "load_run": "dltui.core.reading.notebook",
    "log_softmax": "dltui.core.tasks.scores.softmax",
}
_NAMES_THERE = {"augment_images": "apply"}
"""The original names of functions exported under a longer name, which is clearer outside their module."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dltui' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), _NAMES_THERE.get(name, name))


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
