"""`launch.json`: by what a run was started last, what that has started, and what is known of it. A run whose worker is
simply a process of this machine has none.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.numbers import no_number
from dltui.core.rundir import heartbeat
from dltui.core.text import clean_line

FILE = "launch.json"
DEFAULT = "local"
"""The launcher of a run that names none: its worker is a process of this machine."""
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Chosen:
    """A launcher by its name, with its options."""

    name: str = DEFAULT
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    @classmethod
    def from_json(cls, record: object) -> Chosen:
        """The launcher that a record names; the default for anything else."""
        if not isinstance(record, Mapping) or not isinstance(record.get("name"), str):
            return cls()
        options = record.get("options")
        return cls(clean_line(record["name"], 64), dict(options) if isinstance(options, Mapping) else {})


@dataclass(frozen=True)
class LaunchRecord:
    """A start of a run. `attempts` and `extensions` are how many it had before, `more_epochs` and `instead` are the
    arguments of its worker. `state`, `reason` and `place` are what its launcher said at the unix time `asked`;
    `withdrawn`: a user has ended it, or has `given_up` a job whose launcher was not there. `away`: its jobs are carried
    out on machines that others share.
    """

    launcher: str
    options: Mapping[str, Any]
    time: float = 0.0
    job: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    extensions: int = 0
    more_epochs: int = 0
    instead: Mapping[str, Any] = field(default_factory=dict)
    requeues: bool = False
    away: bool = False
    state: str = ""
    reason: str = ""
    place: int = 0
    asked: float = 0.0
    withdrawn: bool = False
    given_up: bool = False
    inode: int = 0
    """The run directory that it is the record of, and not that of a copy."""

    @property
    def chosen(self) -> Chosen:
        return Chosen(self.launcher, self.options)


_KINDS: Mapping[str, Any] = {"str": clean_line, "int": int, "float": float, "bool": bool, "Mapping[str, Any]": dict}
_READ = {one.name: _KINDS[str(one.type)] for one in fields(LaunchRecord)}


def read(run_dir: Path | str) -> LaunchRecord | None:
    """The record of a run's last start; None without one, in a copy of the run, or where it cannot be read."""
    if not is_there(run_dir):
        return None
    try:
        content = json.loads(fs.read_limited(Path(run_dir) / FILE, _MOST_BYTES), parse_constant=no_number)
        found = LaunchRecord(**{name: kind(content[name]) for name, kind in _READ.items() if name in content})
        return found if found.inode == heartbeat.inode(Path(run_dir)) else None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def write(run_dir: Path, record: LaunchRecord) -> None:
    """Replace the record. Raises RunError."""
    content = asdict(record) | {"inode": heartbeat.inode(run_dir)}
    try:
        fs.write_atomic(run_dir / FILE, (json.dumps(content, indent=1) + "\n").encode("ascii"))
    except OSError as error:
        raise RunError(f"cannot write to {clean_line(run_dir)}: {error.strerror}") from error


def forget(run_dir: Path) -> None:
    """Remove the record: the run is started without one."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(run_dir / FILE)


def is_there(run_dir: Path | str) -> bool:
    """True if there is a record."""
    return os.path.lexists(f"{run_dir}/{FILE}")


def workers(launcher: Chosen) -> int:
    """The processes that a launcher starts to train one run together, by its option `workers`; or by `nodes`, if
    several, each with a process for each of its `gpus`.
    """
    found, nodes, gpus = (launcher.options.get(name) for name in ("workers", "nodes", "gpus"))
    if type(nodes) is int and nodes > 1:
        return nodes * (gpus if type(gpus) is int and gpus > 1 else 1)
    return found if type(found) is int and found > 1 else 1


def device_word(launcher: Chosen, word: str) -> str:
    """The word for the device of a run where its launcher has put it: `auto` means all GPUs of a job that has several,
    by its option `gpus`; and for each of several workers a GPU if it has one, else the CPU, so that all are alike.
    """
    gpus = launcher.options.get("gpus")
    if word == "auto" and workers(launcher) > 1:
        return "cuda" if gpus else "cpu"
    if word != "auto" or type(gpus) is not int or gpus < 2:
        return word
    return ",".join(f"cuda:{number}" for number in range(gpus))


def keeps_device(run_dir: Path) -> str:
    """The reason why a run cannot give its device back and wait, or "": a job on a machine that others share keeps it
    as long as it lives.
    """
    record = read(run_dir)
    if record is None or not record.away:
        return ""
    return (
        f"it is a job of {record.launcher}, which keeps its device while the run waits; dltui checkpoint, then dltui "
        "kill end the job, and dltui resume goes on from there"
    )


def chosen(run_dir: Path, asked: Mapping[str, Any]) -> Chosen:
    """The launcher of a run: that of its last start, else the one of its run.json."""
    record = read(run_dir)
    return record.chosen if record is not None else Chosen.from_json(asked.get("launcher"))
