"""Checks that a run can be trained on several devices, before it is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry


def check_ranks(config: Mapping[str, Any], device: str, world: int, backend: BackendEntry) -> None:
    """Check that a framework and these hyperparameters go with `world` ranks. Raises UsageError."""
    if world == 1:
        return
    if not backend.spread:
        raise UsageError(f"{backend.title} trains on one device, not on {device}; choose one of them with --device")
    if config.get("compile") == "on":
        raise UsageError(f"compile on is for one device, this run is for {device}; leave it out")
    batch, parts = config.get("batch_size"), config.get("accumulate", 1)
    if isinstance(batch, int) and batch // parts < world:
        part = f"accumulate {parts} leaves parts of {batch // parts}" if parts > 1 else f"batch_size is {batch}"
        raise UsageError(f"{device} needs a sample of each step for each of {world} ranks, {part}; take a larger batch")
