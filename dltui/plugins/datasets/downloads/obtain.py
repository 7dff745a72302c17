"""Obtains files with known checksums: found where they already are, else downloaded; nothing else is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.core.contract import PreparationContext
from dltui.core.errors import RunError
from dltui.core.paths import exists, is_folder
from dltui.plugins.datasets.downloads.download import download
from dltui.plugins.datasets.downloads.expected_file import KnownFile, problem


def find(files: Sequence[KnownFile], folders: Sequence[Path]) -> list[Path]:
    """The files in the first folder that has them all with the right content; [] when none has."""
    for folder in folders:
        if all(problem(folder / file.name, file) is None for file in files):
            return [folder / file.name for file in files]
    return []


def obtain(dataset: str, files: Sequence[KnownFile], mirrors: Sequence[str], context: PreparationContext) -> list[Path]:
    """The files, downloaded if they are nowhere. Raises RunError with one line that says what to do."""
    found = find(files, context.data_dirs)
    if found:
        return found
    if context.data_dir is not None:
        raise RunError(_explain(dataset, files, context.data_dir, context.data_dirs))
    for path, reason in _wrong(files, context.data_dirs):
        context.progress(f"passing over {path}: it {reason}")
    return download(dataset, files, mirrors, context)


def _wrong(files: Sequence[KnownFile], folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """The files with a right name and wrong content."""
    present = [(folder / file.name, file) for folder in folders for file in files if exists(folder / file.name)]
    return [(path, reason) for path, file in present if (reason := problem(path, file))]


def _explain(dataset: str, files: Sequence[KnownFile], data_dir: Path, folders: Sequence[Path]) -> str:
    """The reason why an explicit folder cannot be used: a wrong file, a missing file beside others, or no file
    at all.
    """
    remedy = f"put the official files of {dataset} there, or leave out --data-dir"
    if not is_folder(data_dir):
        return f"--data-dir {data_dir} is not a folder; {remedy}"
    for path, reason in _wrong(files, folders):
        return f"{path} {reason}; {remedy}"
    partly = next((folder for folder in folders if any(exists(folder / file.name) for file in files)), None)
    names = [file.name for file in files if partly is None or not exists(partly / file.name)]
    found = "none of the files" if partly is None else "not all files"
    return f"{partly or data_dir} has {found} of {dataset}: {', '.join(names)} missing; {remedy}"
