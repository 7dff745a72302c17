"""Looks at prepared data before it is first trained on; what is found is kept, and told in a line."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.data import prepared
from dltui.core.data.findings import record

if TYPE_CHECKING:
    from dltui.core.contract import Data

FULL = "check"
"""The field of a request that asks for all findings, whatever they take."""

OPTIONS = ("--data", "--data-dir")


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
        path = (asked.get("dataset_options") or {}).get("path")
        below = Path(str(path)) if path else None
        record.keep(check.check(data, below) if whole else check.quick(data, below), dataset)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception:
        if asked.get(FULL):
            raise
        traceback.print_exc()


def told(data: Data, dataset: str, command: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The line about the data of a run with the command that tells more, as a warning or, where nothing is wrong with
    it, as information; none where nothing is known. What `command`, that of the run, says of its data is repeated.
    """
    found = record.read(data.fingerprint)
    if found is None:
        return [], []
    words = shlex.join([dataset, *_of_data(command)])
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
