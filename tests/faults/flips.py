"""Single flipped bits in committed files of a run: each has to be found by who reads the file, or to change nothing."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dltui.core.errors import DltuiError
from dltui.core.reading.reader import PREDICTIONS, RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory

Look = Callable[[RunDirectory], Any]


@contextlib.contextmanager
def flipped(path: Path, bit: int) -> Iterator[None]:
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    try:
        yield
    finally:
        path.write_bytes(whole)


def kinds(run: RunDirectory) -> dict[str, tuple[list[Path], Callable[[RunDirectory], str]]]:
    """Committed files, and who looks at them."""
    newest = checkpoint.list_checkpoints(run)[-1]
    predictions = [run.predictions_dir / f"{name}.npz" for name in PREDICTIONS]
    return {
        "checkpoint": (sorted(newest.iterdir()), _checkpoint),
        "log": ([run.events_path], _log),
        "run.json": ([run.run_json], _asked(run)),
        "predictions": ([path for path in predictions if path.exists()], _predictions(run)),
    }


def missed(run: RunDirectory, count: int, seed: int = 0) -> list[str]:
    """Flip `count` bits, one at a time; those that nobody noticed."""
    generator = random.Random(seed)
    found = []
    for kind, (files, look) in kinds(run).items():
        for _ in range(count // 4):
            path = generator.choice(files)
            bit = generator.randrange(path.stat().st_size * 8)
            with flipped(path, bit):
                problem = look(run)
            if problem:
                found.append(f"{kind}: bit {bit} of {path.name}: {problem}")
    return found


def _checkpoint(run: RunDirectory) -> str:
    """Told, moved aside, and the one before is used."""
    before, newest = ["", *(path.name for path in checkpoint.list_checkpoints(run))][-2:]
    said: list[str] = []
    try:
        found = checkpoint.load_latest(run, said.append)
    except DltuiError as error:
        return f"no checkpoint is left: {error}"
    aside = run.checkpoints_dir / f"damaged-{newest}"
    if aside.exists():
        aside.rename(run.checkpoints_dir / newest)
    if found is None or found.name != before:
        return f"{found and found.name} was loaded"
    return "" if len(said) == 1 and said[0].endswith(f"using {before}") else f"said: {said}"


def _log(run: RunDirectory) -> str:
    """A line is missing and counted, or is the unfinished last one; the others are as they were."""
    whole = RunReader(run)
    whole.refresh()
    if whole.bad_lines:
        return ""
    return "" if not run.events_path.read_bytes().endswith(b"\n") else "no damaged line"


def _asked(run: RunDirectory) -> Callable[[RunDirectory], str]:
    """Refused; a flip in the name of the seal itself leaves everything else as it was."""
    before = RunDirectory(run.path).run()

    def look(run: RunDirectory) -> str:
        try:
            found = RunDirectory(run.path).run()
        except DltuiError:
            return ""
        return "" if found == found | before else "read as if nothing were wrong"

    return look


def _predictions(run: RunDirectory) -> Callable[[RunDirectory], str]:
    """Refused, or the same arrays: a .npz has bytes that mean nothing."""
    before = {name: RunReader(run).predictions(name) or {} for name in PREDICTIONS}

    def look(run: RunDirectory) -> str:
        for name, arrays in before.items():
            try:
                found = RunReader(run).predictions(name) or {}
            except DltuiError:
                return ""
            if found.keys() != arrays.keys() or not all(np.array_equal(found[key], arrays[key]) for key in arrays):
                return f"{name} has other arrays"
        return ""

    return look
