"""Commands to a worker: small files in the run's control folder, taken in the order they were sent."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.machine import process
from dltui.core.text import clean_line

ACTIONS = frozenset({"pause", "resume", "stop", "checkpoint", "set", "kill"})
"""All commands. A kill is a signal; the command beside it is for the log, which then says who sent it."""
_NAME = re.compile(r"\d{20}-[0-9a-f]{8}\.json")
_REFUSED, _BAD = ".refused", ".bad"
_MOST_BYTES = 65_536
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What reading a file of the control folder may raise."""
_LASTING = frozenset(
    (errno.EACCES, errno.EPERM, errno.EFBIG, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG)
)
"""Errors of a file that is none, or of another user. The others may pass, as on a network disk."""


@dataclass(frozen=True)
class Command:
    """A viewer's request. `sent` is the sender's unix time, `by` is user@host, `attempt` is the attempt that is to obey
    it, None for any.
    """

    id: str
    action: str
    arguments: dict[str, Any]
    by: str
    sent: float
    path: Path
    attempt: int | None = None


def new_id() -> str:
    """An id for a command that is sent now."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def is_id(text: str) -> bool:
    """True if a text can be the id of a command."""
    return _NAME.fullmatch(f"{text}.json") is not None


def problem_of(action: str, arguments: Mapping[str, Any]) -> str:
    """The reason why a worker cannot obey a command, or ""; `train.steering` acts on the others."""
    if action not in ACTIONS:
        return "this worker does not know it"
    if action == "set":
        lr = arguments.get("lr")
        if isinstance(lr, bool) or not isinstance(lr, (int, float)) or not 0 < lr <= 10:
            return f"lr must be greater than 0 and at most 10, got {lr!r:.40}"
    return ""


NOT_BEGUN = 0
"""Stands for the attempt that a waiting job will begin."""


def meant_for_another(attempt: int | None, current: int) -> str:
    """The reason why a command to an attempt is none to the current one, or "". None is any attempt; a current one of 0
    is not known, or waits to begin.
    """
    if attempt is None or not current or attempt == current:
        return ""
    meant = "a job that had not begun" if attempt == NOT_BEGUN else f"attempt {attempt}"
    return f"it was meant for {meant}, this is attempt {current}"


def send(
    run_dir: Path,
    action: str,
    arguments: dict[str, Any],
    by: str | None = None,
    known_as: str | None = None,
    attempt: int | None = None,
) -> str:
    """Leave a command for the worker and return its id; the event `command_obeyed` with that id acknowledges it.

    `arguments` of `set` are {"lr": x}, or {"lr": x, "at_step": n} to hold from global step n on. `known_as` is the id
    under which another host's viewer waits for it; sent again it is there once. Only `attempt` is to obey it; None is
    whichever lives then. Raises RunError when the folder cannot be written to.
    """
    command_id = known_as or new_id()
    by = by or process.user_at_host()
    content = {"id": command_id, "action": action, "arguments": arguments, "by": by, "sent": time.time()}
    content |= {} if attempt is None else {"attempt": attempt}
    path = run_dir / "control" / f"{command_id}.json"
    try:
        with contextlib.suppress(FileExistsError):
            fs.FS.mkdir(path.parent)
        with contextlib.suppress(*((FileExistsError,) if known_as else ())):
            _place(path, json.dumps(content, allow_nan=False).encode("ascii"))
    except OSError as error:
        raise RunError(
            f"cannot send {action} to {clean_line(run_dir.name)}: {error.strerror} in {path.parent}"
        ) from error
    return command_id


def _place(path: Path, data: bytes) -> None:
    """Create the complete file at `path` atomically. Raises FileExistsError when the name is taken."""
    temp = fs.temp_name(path)
    try:
        _write(temp, data)
        try:
            fs.FS.link(temp, path)
        except FileExistsError:
            raise
        except OSError:
            # A disk without links. The name is random, so nothing is replaced.
            fs.FS.rename(temp, path)
            return
    except BaseException:
        with contextlib.suppress(OSError):
            fs.FS.unlink(temp)
        raise
    fs.FS.unlink(temp)


def _write(path: Path, data: bytes) -> None:
    """Create a file; root gives it to the owner of its folder, whose worker could not read it otherwise."""
    fd = fs.FS.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        fs.append_all(fd, data)
        if os.geteuid() == 0:
            with contextlib.suppress(OSError):
                found = path.parent.stat()
                # By its descriptor: who may write to the folder may put a link in the place of its name.
                os.fchown(fd, found.st_uid, found.st_gid)
    finally:
        fs.FS.close(fd)


def waiting_ids(run_dir: Path) -> list[str]:
    """The ids of the pending commands, in the order they were sent."""
    try:
        names = os.listdir(run_dir / "control")  # noqa: PTH208
    except OSError:
        return []
    return sorted(name.removesuffix(".json") for name in names if _NAME.fullmatch(name))


def take(run_dir: Path, problems: dict[str, str] | None = None) -> list[Command]:
    """The pending commands, in the order they were sent. Each is returned again until `done`; one that this user may
    not read, or that is no command, is moved aside as `*.bad`, and `problems` gets the reason, by its id; one that
    cannot be read at the moment stays for the next look.
    """
    commands: list[Command] = []
    found = {} if problems is None else problems
    for command_id in waiting_ids(run_dir):
        path = run_dir / "control" / f"{command_id}.json"
        try:
            commands.append(_read(path))
        except FileNotFoundError:
            continue
        except _UNREADABLE as error:
            if not isinstance(error, OSError) or error.errno in _LASTING:
                found[command_id] = _reason(error)
                with contextlib.suppress(OSError):
                    fs.FS.rename(path, path.with_suffix(_BAD))
    return commands


def _reason(error: Exception) -> str:
    """The reason why a file in the control folder is not taken for a command."""
    if isinstance(error, PermissionError):
        return "its file may not be read; send it as the user who trains the run"
    return f"its file cannot be read: {error.strerror}" if isinstance(error, OSError) else "its file holds no command"


def killer(run_dir: Path) -> str:
    """The sender of the last kill command that the worker did not live to acknowledge; "" without one. Changes
    nothing.
    """
    for command_id in reversed(waiting_ids(run_dir)):
        with contextlib.suppress(*_UNREADABLE):
            command = _read(run_dir / "control" / f"{command_id}.json")
            if command.action == "kill":
                return command.by
    return ""


def _read(path: Path) -> Command:
    content = json.loads(fs.read_limited(path, _MOST_BYTES))
    if not isinstance(content, dict) or not isinstance(content["arguments"], dict):
        raise ValueError("not a command")
    attempt = content.get("attempt")
    if attempt is not None and type(attempt) is not int:
        raise ValueError("not an attempt")
    return Command(
        id=path.stem,
        action=clean_line(content["action"], 40),
        arguments=content["arguments"],
        by=clean_line(content.get("by") or "unknown", 100),
        sent=float(content["sent"]),
        path=path,
        attempt=attempt,
    )


def done(command: Command) -> None:
    """Remove a command that has been acknowledged in the log."""
    with contextlib.suppress(OSError):
        fs.FS.unlink(command.path)


def refuse(command: Command, why: str) -> None:
    """Remove a command that cannot be taken to its run, and leave the reason for its sender."""
    with contextlib.suppress(OSError):
        fs.write_atomic(command.path.with_suffix(_REFUSED), clean_line(why, 1_000).encode(), sync=False)
    done(command)


def refusal(run_dir: Path, command_id: str) -> str:
    """The reason why a command was not taken to its run, or was none to its worker; "" while there is none."""
    with contextlib.suppress(OSError):
        found = fs.read_limited(run_dir / "control" / f"{command_id}{_REFUSED}", _MOST_BYTES)
        return clean_line(found.decode("utf-8", "replace"))
    bad = run_dir / "control" / f"{command_id}{_BAD}"
    return "its worker could not read the command; see the log of the run" if os.path.lexists(bad) else ""


def forget_refusals(run_dir: Path) -> None:
    """Remove the reasons that were left for senders."""
    with contextlib.suppress(OSError):
        for path in (run_dir / "control").glob(f"*{_REFUSED}"):
            fs.FS.unlink(path)


def forget(run_dir: Path, obeyed: Collection[str], old: Collection[str] | None) -> list[Command]:
    """Drop the commands that the log acknowledges. Returns those with the `old` ids (None: all) that were not obeyed,
    so that the log can report them before they are `done`.
    """
    waiting = take(run_dir)
    for command in waiting:
        if command.id in obeyed:
            done(command)
    return [command for command in waiting if command.id not in obeyed and (old is None or command.id in old)]
