"""The weights that gave the test result, under neutral names, as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs
from dltui.core.rundir import checkpoint

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader


def export(reader: RunReader, target: Path) -> None:
    """Write the weights; nothing before the first checkpoint. Raises RunError when the checkpoint is damaged."""
    content = checkpoint.dump_weights(reader.directory)
    if content is not None:
        fs.write_atomic(target, content)
