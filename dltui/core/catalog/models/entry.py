"""A model as the catalog knows it, without its plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dltui.core.catalog.fields import FieldSpec


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be chosen. `source` is what a worker needs to load exactly this plugin, interpreter included."""

    id: str
    name: str
    framework: str
    task: str
    summary: str
    fields: tuple[FieldSpec, ...]
    checks_more: bool
    """Its Config refuses values that the fields allow."""
    source: Mapping[str, Any]
    available: bool = True
    reason: str = ""
    """The reason why it is not available, and the remedy."""
    needs_images: bool = False
    also: tuple[str, ...] = ()
    """The tasks beside its own that it can be built for."""
    own_metrics: bool = False
    """It measures more than dltui knows."""
    image_size: int = 0
    """The side in pixels that its images should have; 0: any."""
    takes: tuple[str, ...] = ("single",)
    """The kinds of inputs that it can be built for."""

    @property
    def tasks(self) -> tuple[str, ...]:
        return (self.task, *self.also)

    def field(self, name: str) -> FieldSpec | None:
        return next((spec for spec in self.fields if spec.name == name), None)
