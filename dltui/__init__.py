"""dltui trains deep-learning models from a terminal; this root offers what plugins and notebooks need, lazily."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pydantic import Field as Field

    from dltui.core.config import TrainConfig as TrainConfig
    from dltui.core.contract import Logger as Logger
    from dltui.core.contract import Model as Model
    from dltui.core.contract import Spec as Spec
    from dltui.core.hooks import hookimpl as hookimpl
    from dltui.core.notebook import load_run as load_run

# Listing a plugin must cost nothing that it does not use, so each name is imported when first asked for.
_HOMES = {
    "Backend": "dltui.core.contract",
    "Dataset": "dltui.core.contract",
    "Exporter": "dltui.core.contract",
    "Field": "pydantic",
    "Logger": "dltui.core.contract",
    "Model": "dltui.core.contract",
    "Spec": "dltui.core.contract",
    "load_run": "dltui.core.notebook",
    "TrainConfig": "dltui.core.config",
    "hookimpl": "dltui.core.hooks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dltui' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
