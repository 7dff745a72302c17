"""The user's own sequences: a NumPy archive, a table with a line for each step, or a folder of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions, unit
from dltui.core.errors import RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.plugins.datasets.sequences.found import Found


class SequencesOptions(DatasetOptions):
    """The choice of the columns, and the longest length."""

    path: str = Field("", description="the file or folder, as in sequences:PATH")
    id: str = Field("", description="column that tells sequences apart; empty: one called id, else the first")
    target: str = Field("", description="column to predict; empty: one called target, label, class or y, else the last")
    length: int = Field(
        1_000, ge=1, le=1_000_000, description="steps after which a sequence is cut", json_schema_extra=unit("steps")
    )
    scale: bool = Field(True, description="features to mean 0 and deviation 1, measured on the train split")
    test: float = Field(0.2, gt=0, le=0.9, description="share held out for testing", json_schema_extra=unit(""))


def prepare(options: SequencesOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.sequences.arrange import arrange

    path = Path(options.path)
    context.progress(f"reading {path.name}")
    return arrange(_read(path, options), options, context.task)


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
    return sorted(path.glob("*/*")) if path.is_dir() else [path] if path.is_file() else []


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
