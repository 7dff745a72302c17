"""The user's own sequences: a NumPy archive, a table with a line for each step, or a folder of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.datasets.sequences.options import SequencesOptions

if TYPE_CHECKING:
    from dltui.plugins.datasets.sequences.found import Found


def prepare(options: SequencesOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.sequences.arrange import arrange

    path = Path(options.path)
    context.progress(f"reading {path.name}")
    return arrange(_read(path, options), options, context.task, context.dropped)


def _read(path: Path, options: SequencesOptions) -> Found:
    from dltui.plugins.datasets.sequences import archive, steps

    if not options.path:
        raise RunError("which file? choose it as sequences:PATH")
    if path.is_dir():
        return steps.of_folder(path)
    if not path.is_file():
        raise RunError(f"{clean_line(path)} is not there")
    return archive.read(path) if path.suffix.lower() == ".npz" else steps.of_table(path, options.id, options.target)


def sources(options: SequencesOptions, folders: Sequence[Path]) -> list[Path]:
    path = Path(options.path)
    if not options.path:
        return []
    from dltui.plugins.datasets.sequences.steps import files_of

    return files_of(path) if path.is_dir() else [path] if path.is_file() else []


DATASET = Dataset(
    name="sequences",
    task="any",
    summary="your own sequences: sequences:PATH, an .npz file, a table of steps, or a folder of tables",
    options=SequencesOptions,
    prepare=prepare,
    sources=sources,
    takes="file",
    gives=("sequence",),
)
