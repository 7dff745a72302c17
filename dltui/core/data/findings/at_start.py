"""Looks at prepared data before it is first trained on; what is found is kept, and told in a line."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.data import prepared
from dltui.core.data.findings import record
from dltui.core.paths import is_file

if TYPE_CHECKING:
    from dltui.core.contract import Data

FULL = "check"
"""The field of a request that asks for all findings, whatever they take."""

OPTIONS = ("--data", "--data-dir", "--plugin")


def look(folder: Path, asked: Mapping[str, Any], tell: Callable[[str, float | None], None]) -> None:
    """Keep the findings about a prepared folder, unless there are some. Nothing of it may cost a run."""
    try:
        data = prepared.load_prepared(folder)
        dataset = str(asked.get("dataset") or data.name)
        known = record.read(data.fingerprint)
        whole = bool(asked.get(FULL))
        if known is not None and not (whole and known.is_short):
            record.name(known, dataset)
            return
        from dltui.core.data.findings import check

        tell(f"checking {data.name}", 1.0)
        below = _below(asked.get("dataset_options") or {})
        record.keep(check.check(data, below) if whole else check.quick(data, below), dataset)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception:
        if asked.get(FULL):
            raise
        traceback.print_exc()


def _below(options: Mapping[str, Any]) -> Path | None:
    """The folder that the names of samples are seen from: of a table its own, or the option `root` as seen from there;
    None for data without a path.
    """
    path = Path(str(options.get("path") or ""))
    if is_file(path):
        return path.parent / Path(str(options.get("root") or "")).expanduser()
    return path if options.get("path") else None


def told(data: Data, dataset: str, command: Sequence[str] = (), model: str = "") -> tuple[list[str], list[str]]:
    """The line about the data of a run with the command that tells more, as a warning or, where nothing is wrong with
    it, as information; none where nothing is known. What `command`, that of the run, says of its data is repeated, and
    so is its model, which decides how rows and sequences are divided.
    """
    found = record.read(data.fingerprint)
    if found is None:
        return [], []
    by_model = ["--model", model] if model and not data.spec.is_image else []
    words = shlex.join([dataset, *by_model, *_of_data(command)])
    line = f"{record.line(found)}; details: dltui datasets check {words}"
    return ([], [line]) if found.is_clean else ([line], [])


def _of_data(command: Sequence[str]) -> Iterator[str]:
    """The options of a command line that decide which samples there are."""
    rest = iter(command)
    for word in rest:
        if word in OPTIONS:
            yield from (word, next(rest, ""))
        elif word.startswith(tuple(f"{option}=" for option in OPTIONS)):
            yield word
