"""The weights that gave the test result, under neutral names, as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.rundir import checkpoint
from dltui.core.worker.fingerprint import PREFIX

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader


def export(reader: RunReader, target: Path) -> None:
    """Write the weights; nothing before the first checkpoint. Raises RunError when the checkpoint is damaged."""
    from safetensors.numpy import save

    run = reader.directory
    path = checkpoint.find_best(run) or checkpoint.find_latest(run)
    if path is None:
        return
    state, _ = checkpoint.load(path)
    weights = {name.removeprefix(PREFIX): state[name] for name in sorted(state) if name.startswith(PREFIX)}
    fs.write_atomic(target, save(weights))
