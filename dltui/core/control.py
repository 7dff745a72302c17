"""Commands to a worker: small files in the run directory, which work on any file system and need no port."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.errors import UsageError
from dltui.core.process import this_host
from dltui.core.text import clean_line

FOLDER = "control"
MOST_BYTES = 65_536


@dataclass(frozen=True)
class Command:
    """What somebody asked for: `sent` is unix seconds on the sender's clock."""

    id: str
    action: str
    arguments: dict[str, Any]
    by: str
    sent: float
    path: Path | None = field(default=None, compare=False)


def send(run_path: Path, action: str, arguments: dict[str, Any] | None = None, by: str | None = None) -> str:
    """Put a command where the worker finds it; returns the id by which the log will acknowledge it.

    Raises UsageError when the folder cannot be written.
    """
    identity = f"{time.time_ns()}-{secrets.token_hex(4)}"
    record = {"action": action, "arguments": arguments or {}, "by": by or _me(), "sent": time.time()}
    folder = run_path / FOLDER
    try:
        folder.mkdir(mode=fs.FOLDER_MODE, exist_ok=True)
        fs.create_exclusive(folder / f"{identity}.json", json.dumps(record).encode())
    except OSError as error:
        raise UsageError(
            f"cannot give commands to this run: {error.strerror}: {folder}; look with --read-only"
        ) from error
    return identity


def take(run_path: Path) -> list[Command]:
    """All commands that wait, in the order of their names. A file that is none is renamed to `.bad`."""
    try:
        paths = sorted((run_path / FOLDER).iterdir())
    except OSError:
        return []
    commands = []
    for path in paths:
        if path.suffix == ".json" and not path.name.startswith("."):
            command = _read(path)
            if command:
                commands.append(command)
            else:
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(".bad"))
    return commands


def done(command: Command) -> None:
    """The command stands in the log; it is not kept."""
    if command.path is not None:
        with contextlib.suppress(OSError):
            command.path.unlink()


def _read(path: Path) -> Command | None:
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(MOST_BYTES))
        arguments = record.get("arguments") or {}
        if not isinstance(arguments, dict):
            return None
        who = clean_line(record.get("by", "?"), 128)
        return Command(path.stem, clean_line(record["action"], 64), arguments, who, float(record["sent"]), path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _me() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = str(os.getuid())
    return f"{name}@{this_host()} pid {os.getpid()}"
