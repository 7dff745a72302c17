"""The hooks of a plugin: what it may register. No hook is called while a model trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Dataset, Exporter, Logger, Model
    from dltui.core.contract.families import Family
    from dltui.core.contract.launchers import Launcher

PROJECT = "dltui"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hooks. Each returns a list; a plugin implements those that it needs."""

    @hookspec
    def dltui_models(self) -> list[Model]:
        """Models to choose from."""
        raise NotImplementedError

    @hookspec
    def dltui_families(self) -> list[Family]:
        """Models that are found by name in a library."""
        raise NotImplementedError

    @hookspec
    def dltui_backends(self) -> list[Backend]:
        """Frameworks that can train models."""
        raise NotImplementedError

    @hookspec
    def dltui_datasets(self) -> list[Dataset]:
        """Data to train on."""
        raise NotImplementedError

    @hookspec
    def dltui_exporters(self) -> list[Exporter]:
        """Figures and tables drawn from a run."""
        raise NotImplementedError

    @hookspec
    def dltui_loggers(self) -> list[Logger]:
        """Observers of a run, each in a process of its own that follows the log."""
        raise NotImplementedError

    @hookspec
    def dltui_launchers(self) -> list[Launcher]:
        """Ways to start runs, such as in the queue of a cluster."""
        raise NotImplementedError


HOOKS = (
    "dltui_models",
    "dltui_families",
    "dltui_backends",
    "dltui_datasets",
    "dltui_exporters",
    "dltui_loggers",
    "dltui_launchers",
)
