"""Decides whether a run belongs to another user or is a copy, and where its figures go because of that."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import ownership, paths
from dltui.core.errors import DltuiError, UsageError
from dltui.core.rundir import claim
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory

SUMMARY = "summary.json"
_MOST_BYTES = 1 << 20


def untrusted_reason(run: RunDirectory) -> str:
    """The reason why a run counts as another user's, so that nothing that its run.json names is executed or written to;
    "" for a run in this user's home that no other user can write to.
    """
    try:
        if run.path.parent.resolve() != paths.runs_dir().resolve() != run.path.resolve().parent:
            return f"it lies outside of {clean_line(paths.home())}"
        return next(filter(None, map(_others, (run.path, run.run_json))), "")
    except OSError as error:
        return f"it cannot be told whose it is: {error.strerror}"


def _others(path: Path) -> str:
    owner = path.stat().st_uid
    return f"it belongs to {ownership.user_name(owner)}" if owner != os.geteuid() else ownership.open_to_others(path)


def original(run: RunDirectory) -> Path | None:
    """The path of the run of which this run is a copy; None for a run that was made or moved here, and for a mirror,
    which is the run itself as seen from another host.
    """
    if claim.read_told(run.path) is not None:
        return None
    birth = _birth(run)
    if not birth.get("path"):
        return None
    there = type(run)(str(birth["path"]))
    try:
        if there.path.samefile(run.path):
            return None
    except OSError:
        return None
    return there.path if _birth(there).get("token") == birth.get("token") else None


def _birth(run: RunDirectory) -> dict[str, Any]:
    try:
        found = run.run().get("birth")
    except DltuiError:
        return {}
    return found if isinstance(found, dict) else {}


def identity(run: RunDirectory) -> str:
    """A token that distinguishes a run from all others, also from its copies and from runs of the same name in other
    homes; "" for a run of an older dltui.
    """
    token = str(_birth(run).get("token") or "")
    if not token or original(run) is None:
        return token
    return f"{token}-{hashlib.sha256(os.fsencode(run.path)).hexdigest()[:8]}"


def exports_folder(run: RunDirectory) -> Path:
    """The default folder for figures: as run.json has it; for a copy beside that of its original; for another user's
    run below the working directory. Raises UsageError when run.json names no folder.
    """
    if untrusted_reason(run):
        # The id of a mirror has a colon, which not every disk takes.
        return free(Path(paths.absolute("exports")) / run.id.replace(":", "-"), run, strict=True)
    named = run.run().get("exports")
    if not named:
        raise UsageError("run.json names no exports folder; choose one with --to DIR")
    folder = Path(str(named))
    if original(run) is None:
        return free(folder, run)
    beside = folder.parent / run.id
    return free(beside if beside != folder else _numbered(beside, 2), run, strict=True)


def free(folder: Path, run: RunDirectory, strict: bool = False) -> Path:
    """The folder, or a numbered variant when it holds the figures of another run; with `strict` also when its run is
    unknown.
    """
    found, number = folder, 1
    while not _may_write(found, run, strict):
        number += 1
        found = _numbered(folder, number)
    return found


def _numbered(folder: Path, number: int) -> Path:
    return folder.with_name(f"{folder.name}-{number}")


def _may_write(folder: Path, run: RunDirectory, strict: bool) -> bool:
    if not os.path.lexists(folder):
        return True
    try:
        with (folder / SUMMARY).open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return not strict
    mine, theirs = identity(run), found.get("run_token")
    return theirs == mine if mine and theirs else not strict and found.get("run_id") in (run.id, None)
