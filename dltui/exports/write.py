"""Draws everything that fits a run into a folder; each file appears there complete or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.catalog import plugin_loader
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.lifecycle import trust
from dltui.core.rundir import lock
from dltui.core.text import clean_line
from dltui.core.worker import figures
from dltui.exports import dltui_exporters, plugin_exports
from dltui.exports.report import drawn

if TYPE_CHECKING:
    from dltui.core.contract import Exporter
    from dltui.core.reading.reader import RunReader

PREFIX, LOCK = ".dltui-", ".lock"
"""The prefix of the hidden folder in which files are made, and its lock."""
OLD_SECONDS = 3600.0


@dataclass
class Written:
    """The written files, and the reasons for missing files in one line each."""

    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    nothing: set[str] = field(default_factory=set)
    """The names of figures and tables for which there was nothing to draw."""


def write(
    reader: RunReader,
    folder: Path,
    formats: Sequence[str],
    source: Mapping[str, Any] | None = None,
    code: trust.Code = trust.AS_NAMED,
) -> Written:
    """Draw a run's figures and tables into `folder`; exporters without data yet are left out. Figures that lie there in
    other formats are drawn anew where the run has gone on since, and removed where there is nothing to draw any more.
    With a `source` only that plugin draws; with the format "none" only tables are written, and anew all figures that
    lie beside them. `code` says which plugins may. An exporter that fails is a problem; the others go on.

    Raises UsageError when the folder cannot be written or is full.
    """
    done, task = Written(), reader.run.get("task")
    built_in = dltui_exporters()
    names = [exporter.name for exporter in built_in]
    beside = [] if source else _figures(folder, built_in, task)
    old = _before_the_last_line(beside, reader)
    drawing = _formats(formats, beside if figures.NONE in formats else old)
    with _workshop(folder) as temp, drawn.one_export(figures=bool(drawing)):
        exporters, refused = plugin_exports.load(source, names) if source else (built_in, [])
        done.problems += refused
        for exporter in exporters:
            if exporter.task in (None, task):
                _draw(exporter, reader, drawing, temp, done, needed=source is not None)
                _deliver(temp, folder, done)
        _remove([path for path in old if path.name in done.nothing], folder)
        others, left_out = ([], []) if source else plugin_exports.sources(reader, names, code)
        done.problems += left_out
        for other in others:
            problem = plugin_exports.draw(other, reader.directory.path, temp, drawing or [figures.NONE])
            done.problems += [problem] if problem else []
            _deliver(temp, folder, done)
    return done


def _figures(folder: Path, exporters: Iterable[Exporter], task: object) -> list[Path]:
    """The figures in a folder that these exporters draw of a run of this task."""
    names = [exporter.name for exporter in exporters if exporter.kind == "figure" and exporter.task in (None, task)]
    places = (folder / f"{name}.{suffix}" for suffix in figures.FORMATS for name in names)
    return [path for path in places if path.is_file()]


def _before_the_last_line(paths: Iterable[Path], reader: RunReader) -> list[Path]:
    """The files that are older than the last line of the run's log: beside new ones they would be of another state."""
    try:
        last = reader.directory.events_path.stat().st_mtime_ns
        return [path for path in paths if path.stat().st_mtime_ns < last]
    except OSError:
        return []


def _formats(asked: Sequence[str], beside: Iterable[Path]) -> list[str]:
    """The formats of figures that are asked for, and those of these figures."""
    found = [*asked, *(path.suffix.removeprefix(".") for path in beside)]
    return [name for name in dict.fromkeys(found) if name != figures.NONE]


def _remove(paths: Iterable[Path], folder: Path) -> None:
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(folder, error) from error


def _draw(
    exporter: Exporter, reader: RunReader, formats: Sequence[str], temp: Path, done: Written, needed: bool
) -> None:
    """Draw into `temp`; with `needed` it is a problem if nothing is drawn, which is how those in the box say that there
    is no data yet.
    """
    for suffix in [exporter.suffix] if exporter.kind == "table" else formats:
        draft = temp / f"{exporter.name}.{suffix}"
        try:
            exporter.draw(reader, draft)
            if suffix == "svg" and draft.exists():
                drawn.keep(exporter.name, draft.read_bytes())
            if needed and not draft.exists():
                raise RunError("draw(run, target) wrote nothing at target")
            if not draft.exists():
                done.nothing.add(draft.name)
        except Exception as error:
            draft.unlink(missing_ok=True)
            if fs.is_disk_full(error):
                raise _refusal(temp.parent, error) from error
            if not isinstance(error, DltuiError):
                traceback.print_exc()
            what = plugin_loader.explain("", error).reason
            done.problems.append(f"{clean_line(draft.name, 80)} not written: {clean_line(what, 300)}")


def _deliver(temp: Path, folder: Path, done: Written) -> None:
    """Move finished files to their folder, with the user's usual permissions for new files."""
    for draft in sorted(temp.iterdir()):
        if draft.name == LOCK or draft.is_symlink() or not draft.is_file():
            continue
        draft.chmod(0o666 & ~umask())
        try:
            final = draft.replace(folder / draft.name)
        except OSError as error:
            raise _refusal(folder, error) from error
        done.files.append(final)


def into(folder: Path, draw: Callable[[Path], list[Path]]) -> list[Path]:
    """Move the files that `draw` writes into a temporary folder to `folder`; all of them or, when that cannot be
    written, none. Raises UsageError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temp = Path(tempfile.mkdtemp(prefix=".dltui-", dir=folder))
        try:
            drafts = draw(temp)
            for draft in drafts:
                # A figure is for showing: readable for whom the user lets read new files.
                draft.chmod(0o666 & ~umask())
            return [draft.replace(folder / draft.name) for draft in drafts]
        finally:
            shutil.rmtree(temp, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot write to {clean_line(folder)}: {reason}; choose another folder") from error


def say_files(files: Iterable[Path], as_json: bool) -> None:
    """Print the names of files, a line each or as one JSON array."""
    names = [str(path) for path in files]
    sys.stdout.write(json.dumps(names) + "\n" if as_json else "".join(f"{clean_line(name)}\n" for name in names))
    sys.stdout.flush()


def umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A temporary hidden folder beside the files' final places, removed also when a signal ends this process."""
    held = lock.RunLock()
    # Named before it is made, so that it is removed from its first moment on.
    temp = folder / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            temp.mkdir(mode=0o700)
            # A folder whose lock is free was left by a killed process; without locks its age decides.
            with contextlib.suppress(RunError):
                held.acquire(temp / LOCK)
        except OSError as error:
            raise _refusal(folder, error) from error
        yield temp
    finally:
        with _undisturbed():
            held.release()
            shutil.rmtree(temp, ignore_errors=True)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back signals that would end this process until the context ends."""
    if threading.current_thread() is not threading.main_thread():
        # They end the main thread alone.
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = lock.look(left / LOCK)
            if not found.held if found else time.time() - left.stat().st_mtime > OLD_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _refusal(folder: Path, error: BaseException) -> UsageError:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(f"cannot write figures to {clean_line(folder)}: {clean_line(reason, 200)}; choose another folder")
