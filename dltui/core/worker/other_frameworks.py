"""Keeps a second framework out of a worker: two frameworks in a process crash each other without a clear error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from dltui.core.contract import Backend
from dltui.core.errors import RunError


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
