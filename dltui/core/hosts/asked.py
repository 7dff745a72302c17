"""The arguments of a question, checked: they come from another host."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.rundir import names
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line


def text(asked: Mapping[str, Any], name: str, most: int = 200) -> str:
    """A short text. Raises UsageError."""
    value = asked.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise UsageError(f"{name} must be a text of at most {most} characters")
    return value


def whole(asked: Mapping[str, Any], name: str, most: int = 1 << 53) -> int:
    """A whole number that is not negative. Raises UsageError."""
    value = asked.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise UsageError(f"{name} must be a whole number up to {most}")
    return value


def table(asked: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object; {} where it is left out. Raises UsageError."""
    value = asked.get(name, {})
    if not isinstance(value, dict):
        raise UsageError(f"{name} must be an object")
    return value


def run(asked: Mapping[str, Any]) -> RunDirectory:
    """A run of this home by its id. Raises UsageError: no name leads out of the folder of the runs."""
    name = names.check_run_name(text(asked, "run"))
    found = RunDirectory(paths.runs_dir() / name)
    if not found.run_json.is_file():
        raise UsageError(f"no run {clean_line(name)}")
    return found


def open_below(folder: Path, name: str) -> int:
    """A descriptor of a regular file below a folder, whose links are not followed. Raises OSError."""
    path = folder / name
    if path.parent.resolve() != folder.resolve() / Path(name).parent:
        raise FileNotFoundError(name)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(name)
    return fd
