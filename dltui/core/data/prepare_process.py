"""Finds or makes the prepared data of one run: `python -P -m dltui.core.data.prepare_process RUN_DIR`.

It prints JSON lines. RUN_DIR "-" means that what run.json would say comes on stdin: data that was never looked at is
prepared before there is a run.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import inspect
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from dltui.core import fs, paths
from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.catalog.sources import FIRST, imported_beside, imported_within
from dltui.core.data import prepared, readable
from dltui.core.data.arrays import checked, make_spec, split_rows, unscaled
from dltui.core.data.exclusive import turn, unused
from dltui.core.data.findings import at_start, dropped
from dltui.core.data.search import within
from dltui.core.errors import DltuiError, PluginError, RunError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line
from dltui.core.version import __version__

if TYPE_CHECKING:
    from dltui.core.contract import Arrays, Dataset
    from dltui.core.contract.config import DatasetOptions
    from dltui.core.contract.types import Array, InputKind, SplitName, Task

    Tell = Callable[[str, float | None], None]

# Another run that prepares the same data is waited for this long, then the work is done twice.
PATIENCE = 120.0
TELL_SECONDS = 0.1
LOCK = ".lock"
KEPT = "kept"


@dataclass
class Context:
    """The context that a dataset's `prepare` is given."""

    data_dir: Path | None
    data_dirs: tuple[Path, ...]
    downloads: Path
    tell: Tell
    task: Task
    takes: tuple[InputKind, ...] = ("single",)
    scratch: Path = Path()
    kept: Path = Path()
    earlier: tuple[Path, ...] = ()
    """Until there is a temporary folder of the data that is made, there are none of these."""
    dropped: Mapping[str, Any] | None = None

    def progress(self, text: str, fraction: float | None = None) -> None:
        self.tell(text, fraction)


def prepare(asked: dict[str, Any], tell: Tell) -> Path:
    """The folder with the prepared data that run.json (`asked`) names, made if it is not there."""
    dataset: Dataset = plugin_loader.load_dataset(
        asked["dataset_source"], asked.get("dataset_plugin") or asked["dataset"]
    )
    options = _options(dataset, asked.get("dataset_options") or {})
    # Which task an option means, the catalog has found.
    meant = any(getattr(options, name) for name in dataset.task_options or ())
    task: Task = asked.get("task", "classification") if dataset.task == "any" or meant else dataset.task
    context = _context(asked, tell, task)
    context.dropped = dropped.of_run(asked)
    context.takes = tuple(asked.get("takes") or ("single",))
    sources = plugin_loader.sources_of(dataset, options, context.data_dirs)
    arrays = None
    if sources == []:
        # Downloaded first: only then is it known which files there are.
        arrays = dataset.prepare(options, context)
        sources = plugin_loader.sources_of(dataset, options, context.data_dirs)
    cache = paths.cache_dir() / "datasets"
    paths.ensure_private_dir(cache)
    name = re.sub(r"[^A-Za-z0-9._]+", "-", dataset.name).strip("-.")[:40]
    final = cache / f"{name}-{_key(dataset, asked['dataset_source'], context, options, sources)}"
    if not prepared.is_intact(final):
        _make(final, dataset, options, context, arrays)
    at_start.look(final, asked, tell)
    return final


def _options(dataset: Dataset, given: dict[str, Any]) -> DatasetOptions:
    try:
        return validated(dataset.options, given)
    except PluginError as error:
        raise RunError(f"dataset {dataset.name}: {error}") from None


def _context(asked: dict[str, Any], tell: Tell, task: Task = "classification") -> Context:
    downloads = paths.downloads_dir()
    folders = tuple(Path(folder) for folder in asked.get("data_dirs") or ())
    data_dir = asked.get("data_dir")
    if data_dir:
        return Context(Path(data_dir), within(folders, data_dir), downloads, tell, task)
    # The cache may lie elsewhere than when the run was created.
    own = (downloads / str(asked["dataset"]),)
    return Context(None, tuple(dict.fromkeys(folders + own)), downloads, tell, task)


def _key(
    dataset: Dataset,
    plugin: Mapping[str, Any],
    context: Context,
    options: DatasetOptions,
    sources: Sequence[Path] | None,
) -> str:
    """The name of prepared data, a digest of all that it depends on: its code, its options, and its files."""
    files = [*map(readable.stamp, sources or ()), *readable.decoders(sources or ())]
    code = _code(dataset, plugin)
    given = options.model_dump(mode="json")
    # The rows count, not the file that names them.
    given |= {name: dropped.without_review(str(text)) for name, text in given.items() if name == dropped.OPTION}
    parts = [prepared.FORMAT, __version__, dataset.name, code, given, files, *dropped.digest(context.dropped)]
    parts += [context.task] if context.task != dataset.task else []
    parts += [sorted(context.takes)] if len(dataset.gives) > 1 and context.takes != ("single",) else []
    parts += [plugin["version"]] if plugin.get("version") and plugin.get("name") != FIRST else []
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def _code(dataset: Dataset, plugin: Mapping[str, Any]) -> str:
    """The SHA-256 of the file that defines a dataset's `prepare`, of the files of its plugin that it imports, and of
    the one that reads images for all datasets, so that corrected code does not reuse old data; "" if unknown.
    """
    try:
        file = Path(inspect.getsourcefile(_defined(dataset.prepare)) or "")
        # What dltui's own datasets import from elsewhere changes with its version alone.
        imported = imported_beside(file) if plugin.get("name") == FIRST else imported_within(file)
        files = (file, *imported, Path(prepared.__file__).with_name("image_file.py"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    except (OSError, TypeError):
        return ""


def _defined(function: Any) -> Any:
    """The function behind a partial or a decorator; of an object that can be called its `__call__`."""
    if isinstance(function, partial):
        return _defined(function.func)
    if hasattr(function, "__wrapped__"):
        return _defined(function.__wrapped__)
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return _defined(type(function).__call__)


def _make(final: Path, dataset: Dataset, options: DatasetOptions, context: Context, arrays: Arrays | None) -> None:
    """Make a prepared folder, or wait for another run that is making the same."""

    def waiting() -> None:
        context.progress(f"waiting for another run that prepares {dataset.name}")

    with (
        _cleared(lambda: _sweep(final.parent)),
        turn(final.with_name(f".{final.name}{LOCK}"), PATIENCE, waiting) as alone,
    ):
        if prepared.is_intact(final):
            return
        context.earlier = _earlier(final)
        with _cleared(lambda: _remove_leftovers(final.parent, f".{final.name}") if alone else None):
            temp = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
            # Who prepares the same meanwhile leaves a locked folder alone.
            with unused(temp):
                try:
                    _fill(temp, dataset, options, context, arrays)
                    _commit(temp, final)
                finally:
                    shutil.rmtree(temp, ignore_errors=True)


@contextmanager
def _cleared(remove: Callable[[], None]) -> Iterator[None]:
    """A context after which leftovers of killed preparations are removed: not before, as what they hold may be of use,
    and not when it fails, unless for lack of space on the disk.
    """
    try:
        yield
    except OSError as error:
        if fs.is_disk_full(error):
            remove()
        raise
    remove()


def _earlier(final: Path) -> tuple[Path, ...]:
    """The folders of other prepared data of the same dataset, and leftovers of killed preparations; newest first."""
    name = final.name.rpartition("-")[0]
    found = [*final.parent.glob(f"{name}-*"), *final.parent.glob(f".{name}-*-*")]
    return tuple(sorted((path for path in found if (path / KEPT).is_dir()), key=_changed, reverse=True))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _sweep(cache: Path) -> None:
    """Remove the leftovers of killed preparations: temporary folders of data whose lock is free."""
    for lock in cache.glob(f".*{LOCK}"):
        with turn(lock, -1.0, lambda: None) as free:
            if free:
                _remove_leftovers(cache, lock.name.removesuffix(LOCK))


def _remove_leftovers(cache: Path, name: str) -> None:
    for leftover in cache.glob(f"{name}-*"):
        with contextlib.suppress(OSError), unused(leftover) as free:
            if free:
                shutil.rmtree(leftover, ignore_errors=True)


def _fill(temp: Path, dataset: Dataset, options: DatasetOptions, context: Context, arrays: Arrays | None) -> None:
    context.scratch, context.kept = temp / "scratch", temp / KEPT
    context.scratch.mkdir()
    context.kept.mkdir()
    given = dataset.prepare(options, context) if arrays is None else arrays
    try:
        found = checked(context.task, given)
        rows, kept = split_rows(len(found.train[0]), options.validation, options.split_seed)
        if found.validation is not None:
            rows, kept = _all(found.train), _all(found.validation)
        parts: prepared.Parts = {
            "train": (*found.train, rows),
            "validation": (*(found.validation or found.train), kept),
            "test": (*found.test, _all(found.test)),
        }
        parts, left = dropped.leave_out(context.dropped, context.task, found, parts)
        spec = make_spec(context.task, found, parts["train"][2])
    except RunError as error:
        raise RunError(f"dataset {dataset.name}: {error}") from error
    notes = [*found.notes, *unscaled(found, dataset.name), *left]
    prepared.save_prepared(temp, dataset.name, spec, parts, context.tell, notes, _names(found, parts), found.inputs)
    shutil.rmtree(context.scratch)
    if not any(context.kept.iterdir()):
        context.kept.rmdir()


def _names(found: Arrays, parts: prepared.Parts) -> dict[SplitName, list[str]]:
    """The row names of each split; a validation split out of the training part has the names of its rows."""
    called = dict(found.names or {})
    if found.validation is None and "train" in called:
        called["validation"] = called["train"]
    return {split: [str(called[split][row]) for row in rows] for split, (*_, rows) in parts.items() if split in called}


def _all(part: tuple[Array, Array]) -> Array:
    return np.arange(len(part[0]), dtype="<i8")


def _commit(temp: Path, final: Path) -> None:
    """Give a finished folder its final name. If an intact folder exists already it is used; a damaged one is
    replaced.
    """
    for _ in range(2):
        try:
            fs.commit_dir(temp, final)
            return
        except OSError as error:
            # EEXIST and ENOTEMPTY: a folder is there; ENOTDIR: a file.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            if prepared.is_intact(final):
                return
            damaged = tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent)
            final.replace(Path(damaged) / "damaged")
            shutil.rmtree(damaged, ignore_errors=True)
    raise RunError(f"prepared data cannot be put at {final}: remove it and try again")


def main(argv: list[str] | None = None) -> int:
    """Prepare; the last line on stdout is {"prepared": path} or {"error": one line}."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        sys.stderr.write("usage: python -P -m dltui.core.data.prepare_process RUN_DIR\n")
        return 2
    answers = _private_stdout()
    source: dict[str, Any] = {}
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _cancel)
    try:
        answer: dict[str, Any]
        asked = json.load(sys.stdin) if arguments[0] == "-" else RunDirectory(Path(arguments[0])).run()
        source = asked["dataset_source"]
        answer = {"prepared": str(prepare(asked, _teller(answers)))}
    except BaseException as error:
        answer = {"error": clean_line(_explain(error, source)), **_remedy(error)}
    try:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    except BrokenPipeError:
        return 1
    return 0 if "prepared" in answer else 1


def _private_stdout() -> TextIO:
    """The real stdout, reserved for answers: other output of plugins goes to stderr, which is the worker's log."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _cancel(number: int, frame: FrameType | None) -> None:
    # Once: a second signal must not interrupt the clearing up.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _teller(answers: TextIO) -> Tell:
    last: list[tuple[str, float]] = [("", 0.0)]

    def tell(text: str, fraction: float | None = None) -> None:
        text, at = clean_line(text), time.monotonic()
        if text == last[0][0] and at - last[0][1] < TELL_SECONDS:
            return
        last[0] = (text, at)
        # With the reader gone this raises BrokenPipeError, which ends the work as a cancel does.
        answers.write(json.dumps({"progress": text, "fraction": fraction}) + "\n")
        answers.flush()

    return tell


def _remedy(error: BaseException) -> dict[str, Any]:
    """The remedy that a plugin proposes, as far as JSON can say it; nothing where it proposes nothing."""
    proposed = error.remedy if isinstance(error, RunError) else {}
    known = {str(name): value for name, value in proposed.items() if isinstance(value, (bool, int, float, str))}
    return {"remedy": known} if known else {}


def _explain(error: BaseException, source: Mapping[str, Any]) -> str:
    """The error in one line; `source` is the plugin of the dataset, for the line of its code."""
    if isinstance(error, (KeyboardInterrupt, BrokenPipeError)):
        return "data preparation was canceled"
    if isinstance(error, DltuiError):
        return str(error)
    if isinstance(error, OSError) and fs.is_disk_full(error):
        return f"disk full while preparing data in {paths.cache_dir()}: free some space or point DLTUI_CACHE elsewhere"
    traceback.print_exception(error)
    if isinstance(error, OSError) and error.filename:
        return f"data preparation failed: {error.filename}: {error.strerror}"
    return f"data preparation failed: {type(error).__name__}: {error}{plugin_loader.line_in_plugin(error, source)}"


if __name__ == "__main__":
    sys.exit(main())
