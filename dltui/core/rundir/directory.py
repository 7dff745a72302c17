"""The run directory: its files by name, its creation, its lookup."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.core import fs, paths
from dltui.core.errors import NewerFormatError, RunError, UsageError
from dltui.core.machine import process
from dltui.core.numbers import no_number
from dltui.core.renamed import with_new_options
from dltui.core.rundir import checksum, lock, names, share
from dltui.core.rundir.content import asked
from dltui.core.text import clean_line, suggest

FORMAT = 1
_MOST_JSON = 16 * 1024 * 1024
_YOUNG = 600.0
_DAY = 86_400.0
_MAKING = threading.Lock()
"""Of two threads that make runs, one would free the lock of the other by reading its file."""


class _Part:
    """A file or folder of a run by its name; its path is made when it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, run: RunDirectory, owner: type) -> Path:
        path: Path = run.path / self._name
        run.__dict__[self._attribute] = path
        return path


class RunDirectory:
    """The folder of one run. Making this object reads nothing, and takes little: there may be thousands."""

    run_json = _Part("run.json")
    labels_json = _Part("labels.json")
    events_path = _Part("events.jsonl")
    lock_path = _Part("lock")
    control_dir = _Part("control")
    checkpoints_dir = _Part("checkpoints")
    predictions_dir = _Part("predictions")
    worker_log = _Part("worker.log")

    def __init__(self, path: Path | str) -> None:
        # Absolute without following links, which the user knows the run by.
        self.path = Path(os.path.abspath(path))  # noqa: PTH100
        self.id = self.path.name
        self._run: dict[str, Any] | None = None
        self._labels: tuple[tuple[int, int, int], dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunDirectory) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @classmethod
    def create(
        cls, run_id: str, run: dict[str, Any], fill: Callable[[RunDirectory], None] = lambda run: None
    ) -> RunDirectory:
        """Create the folder of a new run atomically, with the files that `fill` writes into it. Raises UsageError when
        there is a run of that name, and errors of `fill`.
        """
        names.check_run_name(run_id)
        parent = paths.runs_dir()
        paths.ensure_private_dir(parent)
        temp = parent / f".{run_id}.{secrets.token_hex(4)}.tmp"
        final = cls(parent / run_id)
        content = {"format": FORMAT, "id": run_id} | run
        # Tells the run from a copy of it, wherever either is moved.
        content["birth"] = {"token": secrets.token_hex(8), "path": str(final.path)}
        _sweep(parent)
        held = lock.RunLock()
        try:
            _fill(cls(temp), content, held)
            fill(cls(temp))
            if os.path.lexists(final.path):
                raise FileExistsError
            fs.commit_dir(temp, final.path, locked=final.lock_path.name)
        except BaseException as error:
            if temp.exists():
                fs.remove_dir(temp)
            if not isinstance(error, OSError):
                raise
            if os.path.lexists(final.path):
                raise UsageError(f"there is a run {run_id} already; choose another --name") from error
            raise UsageError(f"cannot write to {parent}: {error.strerror}; set DLTUI_HOME to another folder") from error
        finally:
            held.release()
        return final

    @classmethod
    def temporary(cls, path: Path, content: dict[str, Any]) -> RunDirectory:
        """Create the folder of a run outside of the list of runs; who asks for it removes it."""
        run, held = cls(path), lock.RunLock()
        try:
            _fill(run, content | {"birth": {"token": secrets.token_hex(8), "path": str(path)}}, held)
        finally:
            held.release()
        return run

    def run(self) -> dict[str, Any]:
        """The request in run.json, with renamed options under their current names.

        Raises NewerFormatError, or RunError when it cannot be read.
        """
        if self._run is None:
            content = _read_object(self.run_json)
            if content is None:
                raise RunError(f"{clean_line(self.path)} is not a run: its run.json is missing or damaged")
            number = content.get("format")
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise RunError(f"{clean_line(self.run_json)} is damaged: it has no format number")
            if number > FORMAT:
                raise NewerFormatError(
                    f"run {clean_line(self.id)} has format {number}, this dltui reads up to {FORMAT}; upgrade dltui"
                )
            # Older ones have no seal.
            content = checksum.opened(content) if checksum.KEY in content else content
            if content is None:
                raise RunError(f"{clean_line(self.run_json)} is damaged: its SHA-256 differs; start the run again")
            if wrong := asked.fault(content):
                raise RunError(f"{clean_line(self.run_json)} is damaged: {wrong}; start the run again")
            self._run = with_new_options(content)
        return self._run

    def labels(self) -> dict[str, Any]:
        """The labels that the user gave the run: name, tags, note."""
        found = self._labels_as_read()
        tags = found.get("tags")
        return {
            "name": str(found.get("name") or self.id),
            "tags": [str(tag) for tag in tags] if isinstance(tags, list) else [],
            "note": str(found.get("note") or ""),
        }

    def _labels_as_read(self) -> dict[str, Any]:
        """What labels.json says, read again only when it is another file."""
        try:
            found = self.labels_json.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            return {}
        if self._labels is None or self._labels[0] != stamp:
            self._labels = (stamp, _read_object(self.labels_json) or {})
        return self._labels[1]

    def set_labels(self, **changes: Any) -> None:
        """Change the name, tags or note; the rest stays. The id never changes. A shared run stays readable for the
        group.

        Raises RunError when it cannot be written.
        """
        known = self.labels() | changes
        try:
            with share.writing(self.run().get("share")):
                fs.write_atomic(self.labels_json, _dump(known))
        except OSError as error:
            raise RunError(f"cannot label {clean_line(self.id)}: {error.strerror}") from error


def _fill(run: RunDirectory, content: dict[str, Any], held: lock.RunLock) -> None:
    fs.FS.mkdir(run.path)
    # A folder whose lock is free was left by a killed process. A disk without locks is refused by the worker.
    with _MAKING, contextlib.suppress(RunError):
        held.acquire(run.lock_path)
    for folder in (run.control_dir, run.checkpoints_dir, run.predictions_dir):
        fs.FS.mkdir(folder)
    fs.write_new(run.run_json, _dump(checksum.sealed(content)))
    fs.write_new(run.labels_json, _dump({"name": content.get("name") or content["id"], "tags": [], "note": ""}))


def _sweep(parent: Path) -> None:
    """Remove what was killed while it made a run."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            with contextlib.suppress(OSError):
                if fs.is_temp(entry.name) and entry.is_dir(follow_symlinks=False) and _is_left(Path(entry.path)):
                    fs.remove_dir(Path(entry.path))


def _is_left(temp: Path) -> bool:
    """True if nobody makes a run of this folder any more. A lock that is free after it was signed proves that where it
    was signed on this host: on a network disk the locks of others may not show, and a folder may have been made a
    moment ago.
    """
    with _MAKING:
        # What this process has locked is not opened: closing it would free the lock.
        if lock.is_held(temp / "lock"):
            return False
        signed = _read_object(temp / "lock") or {}
        if signed.get("host") == process.this_host():
            # It may have been locked and signed since.
            return not lock.is_held(temp / "lock")
    return time.time() - fs.changed(temp) > _YOUNG


def _dump(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii")


def _read_object(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(fs.read_limited(path, _MOST_JSON), parse_constant=no_number)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def list_runs() -> list[RunDirectory]:
    """All runs of this user, newest first."""
    found = []
    for run in _folders():
        created = _created(run)
        if created is not None:
            found.append((created, run.id, run))
    return [run for _, _, run in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def _folders() -> list[RunDirectory]:
    """The folders of which each may be a run of this user."""
    try:
        with os.scandir(paths.runs_dir()) as entries:
            return [RunDirectory(entry.path) for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def _created(run: RunDirectory) -> float | None:
    """The creation time of a run; None for a folder that is no run. A damaged or newer run is listed too. One that was
    made while the clock was far ahead is no newer than its file; where that is no help either, it is the oldest.
    """
    try:
        found = run.run_json.stat()
    except OSError:
        return None
    try:
        created = float(run.run()["created"])
    except (RunError, NewerFormatError, KeyError, TypeError, ValueError, OverflowError):
        created = found.st_mtime
    created = min(created, found.st_ctime)
    return created if created < time.time() + _DAY else 0.0


def find_run(text: str | None) -> RunDirectory:
    """The run for an id, a name, the unique start of an id, a path, or the latest for None. Raises UsageError."""
    if text is not None and _is_path(text):
        run = RunDirectory(paths.expanded(text))
        if why := paths.unreachable(run.run_json):
            raise UsageError(f"cannot look at {clean_line(text)}: {why}")
        if not paths.is_file(run.run_json):
            raise UsageError(f"{clean_line(text)} is not a run: there is no run.json in it")
        return run
    exact = _with_id(text) if text else None
    if exact is not None:
        return exact
    runs = list_runs()
    if not runs:
        raise UsageError("there are no runs yet; `dltui demo` makes one")
    return runs[0] if text is None else _choose(text, runs)


def is_run(text: str) -> bool:
    """True if a run of this user has exactly this id or name; reads nothing but labels."""
    return _with_id(text) is not None or any(
        run.labels()["name"] == text and paths.exists(run.run_json) for run in _folders()
    )


def _with_id(text: str) -> RunDirectory | None:
    """The run of exactly this id, found without a look at others. It wins over names and longer ids."""
    run = None if text.startswith(".") or os.sep in text else RunDirectory(paths.runs_dir() / text)
    return run if run is not None and paths.exists(run.run_json) else None


def _is_path(text: str) -> bool:
    return os.sep in text or text in (".", "..", "~")


def _is_sweep(text: str) -> bool:
    """Whether a sweep has this name, whose trials begin with it."""
    try:
        return bool(text) and paths.sweep_file(text).is_file()
    except (OSError, ValueError):
        # Too long for a name, or not one.
        return False


def _ids(runs: list[RunDirectory]) -> str:
    return ", ".join(run.id for run in runs[:5]) + (", ..." if len(runs) > 5 else "")


def _choose(text: str, runs: list[RunDirectory]) -> RunDirectory:
    named = {run: run.labels()["name"] for run in runs}
    for matches in (
        [run for run in runs if run.id == text],
        [run for run in runs if named[run] == text],
        [run for run in runs if run.id.startswith(text)] if text else [],
    ):
        exact = any(text in (run.id, named[run]) for run in matches)
        if matches and not exact and _is_sweep(text):
            sweep = clean_line(text, 80)
            raise UsageError(
                f"{sweep} is a sweep, not a run: `dltui sweep show {sweep}`, or name a trial: {_ids(matches)}"
            )
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f'"{clean_line(text, 80)}" could be any of {len(matches)} runs: {_ids(matches)}')
    hint = suggest(text, [run.id for run in runs]) or f"the latest is {runs[0].id}; `dltui runs` lists all"
    raise UsageError(f'no run "{clean_line(text, 80)}"; {hint}')
