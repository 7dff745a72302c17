"""Checkpoints: arrays and JSON in a folder that is complete or absent, with a manifest that reveals every
flipped bit.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.machine import memory
from dltui.core.rundir import checksum
from dltui.core.rundir.content import position
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import State
    from dltui.core.rundir.directory import RunDirectory

T = TypeVar("T")

FORMAT = 1
_MOST_MANIFEST, _MOST_LOOP_STATE = 1 << 20, 64 << 20
_BLOCK = 1 << 20
_CHOICES = 10
ARRAYS, LOOP_STATE, MANIFEST = "state.safetensors", "state.json", "manifest.json"
MARGIN_BYTES = 1 << 20
"""Room that a checkpoint leaves on the disk, for the log that tells of it."""
_NAME = re.compile(r"a(\d{2,6})-step-(\d{8,12})(?:-(\d{1,9}))?")


class CheckpointDamaged(RunError):
    """A damaged checkpoint. The message names the checkpoint and the damage."""


class CheckpointGone(RunError):
    """A checkpoint that vanished after it was listed, as a worker that trains replaces its older ones."""


@dataclass(frozen=True)
class CheckpointInfo:
    """A checkpoint on the disk: the name of its folder, and its size."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory, taken after `step` global steps."""

    name: str
    path: Path
    state: State
    loop_state: dict[str, Any]
    step: int


def save(
    run: RunDirectory, name_step: int, attempt: int, state: State, loop_state: dict[str, Any], best: bool
) -> CheckpointInfo:
    """Write a checkpoint after `name_step` global steps. Raises OSError, and then no folder with a final name is left.

    `best` says that its weights are the best so far; `loop_state["best"]["step"]` names the step of those that are.
    """
    import numpy as np
    from safetensors.numpy import save as dump

    folder = run.checkpoints_dir
    # A transposed view would be written in the order of its memory and come back as other numbers.
    arrays = dump({name: np.asarray(array, order="C") for name, array in state.items()})
    text = _dump({"step": name_step, "attempt": attempt, "best": best, "loop_state": loop_state})
    best_step = name_step if best else (loop_state.get("best") or {}).get("step")
    listed = {
        "format": FORMAT,
        "step": name_step,
        "attempt": attempt,
        "best": best,
        "best_step": best_step,
        "files": {name: _describe(data) for name, data in ((ARRAYS, arrays), (LOOP_STATE, text))},
    }
    # A flipped bit in the manifest itself is found too.
    manifest = _dump(checksum.sealed(listed))
    size = len(arrays) + len(text) + len(manifest)
    _check_room(folder, size)
    final = _free_name(folder, f"a{attempt:02d}-step-{name_step:08d}")
    temp = fs.temp_name(final)
    try:
        fs.FS.mkdir(temp)
        for name, data in ((ARRAYS, arrays), (LOOP_STATE, text), (MANIFEST, manifest)):
            # Synced below, all together: the disk can order them as it likes until then.
            fs.write_new(temp / name, data, sync=False)
        fs.commit_dir(temp, final)
    except BaseException:
        with contextlib.suppress(OSError):
            fs.remove_dir(temp)
        raise
    return CheckpointInfo(final.name, final, size)


def _check_room(folder: Path, size: int) -> None:
    """Raise OSError without enough free space, before anything is written, so that no half checkpoint is left."""
    free = fs.free_bytes(folder)
    if free < size + MARGIN_BYTES:
        raise OSError(errno.ENOSPC, f"a checkpoint needs {size:,} B, free are {free:,} B", str(folder))


def _free_name(folder: Path, name: str) -> Path:
    """A free folder name; a second checkpoint of the same step gets a number.

    The number is higher than all existing numbers, because the newest checkpoint has to sort last.
    """
    there = [path.name.removeprefix(name) for path in folder.glob(f"{name}*") if _NAME.fullmatch(path.name)]
    if not there:
        return folder / name
    return folder / f"{name}-{max(int(ending[1:] or 1) for ending in there) + 1}"


def _dump(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii")


def _describe(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """The arrays and the loop's own state. Raises as `read`."""
    found = read(path)
    return found.state, found.loop_state


def read(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises CheckpointDamaged for any damage, CheckpointGone, or RunError for one that this version
    or this machine cannot read.
    """
    manifest = read_manifest(path)
    listed = manifest.get("files")
    expected = listed if isinstance(listed, dict) else {}
    arrays = _read_verified(path, ARRAYS, expected.get(ARRAYS), memory.total_and_available()[0])
    text = _read_verified(path, LOOP_STATE, expected.get(LOOP_STATE), _MOST_LOOP_STATE)
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        loop_state = json.loads(text)["loop_state"]
        state = parse(arrays)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise _fault(path, "not in its format") from error
    if not isinstance(loop_state, dict):
        raise _fault(path, "not in its format")
    if wrong := position.fault(loop_state):
        raise _fault(path, wrong)
    return Checkpoint(path.name, path, state, loop_state, manifest["step"])


def read_if_any(path: Path | None) -> Checkpoint | None:
    """As `read`; None without a checkpoint."""
    return None if path is None else read(path)


def _fault(path: Path, what: str) -> RunError:
    """The error for a checkpoint that cannot be read."""
    if not os.path.lexists(path):
        return CheckpointGone(f"checkpoint {clean_line(path.name)} is gone: another has replaced it")
    return CheckpointDamaged(f"checkpoint {clean_line(path.name)} damaged ({what})")


def _read_verified(path: Path, file: str, expected: Any, most: int) -> bytes:
    """The content of a file, verified by its part of the manifest. It may come from another hand, and is taken into
    memory when all is known of it.
    """
    described: Mapping[str, Any] = expected if isinstance(expected, dict) else {}
    try:
        with fs.open_to_read(path / file) as opened:
            size = os.fstat(opened.fileno()).st_size
            if size != described.get("bytes"):
                raise _fault(path, f"size of {file} differs")
            if size > most:
                name = clean_line(path.name)
                raise RunError(f"checkpoint {name} cannot be read here: {file} has {size:,} B, more than {most:,} B")
            digest = hashlib.sha256()
            while block := opened.read(_BLOCK):
                digest.update(block)
            if digest.hexdigest() != described.get("sha256"):
                raise _fault(path, f"SHA-256 of {file} differs")
            opened.seek(0)
            return opened.read(size)
    except OSError as error:
        raise _fault(path, f"{file}: {error.strerror}") from error


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a checkpoint: step, attempt, best, best_step, files. Raises CheckpointDamaged, CheckpointGone, or
    RunError for a newer format.
    """
    try:
        content = json.loads(fs.read_limited(path / MANIFEST, _MOST_MANIFEST))
    except (OSError, ValueError, RecursionError) as error:
        raise _fault(path, "its manifest cannot be read") from error
    content = checksum.opened(content) if isinstance(content, dict) else None
    if content is None:
        raise _fault(path, f"SHA-256 of {MANIFEST} differs")
    if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
        raise RunError(f"checkpoint {clean_line(path.name)} was written by a newer dltui; upgrade dltui")
    if type(content.get("step")) is not int or not isinstance(content.get("best_step"), (int, NoneType)):
        raise _fault(path, "not in its format")
    return content


def list_checkpoints(run: RunDirectory) -> list[Path]:
    """All complete checkpoints, oldest first: by attempt, then by step."""
    try:
        found = [(match, path) for path in run.checkpoints_dir.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError:
        return []
    return [path for _, path in sorted((tuple(int(n or 0) for n in match.groups()), path) for match, path in found)]


def load_latest(run: RunDirectory, log: Callable[[str], None]) -> Checkpoint | None:
    """The newest intact checkpoint, None when there never was one. Damaged checkpoints are reported to `log` and moved
    aside. Raises RunError when all are damaged: discarding the run is the user's decision.
    """
    damaged: list[tuple[Path, str]] = []
    for path in reversed(list_checkpoints(run)):
        try:
            found = read(path)
        except CheckpointGone:
            continue
        except CheckpointDamaged as error:
            damaged.append((path, str(error)))
            continue
        for bad, problem in damaged:
            log(f"{problem}, using {path.name}")
            _move_aside(bad)
        return found
    if damaged:
        raise RunError(
            f"{damaged[0][1]} and no other is left in {clean_line(run.checkpoints_dir)}; start the run again"
        )
    return None


def _move_aside(path: Path) -> None:
    """Keep a damaged checkpoint for inspection under a name that is never loaded."""
    target, number = path.with_name(f"damaged-{path.name}"), 1
    while target.exists():
        number += 1
        target = path.with_name(f"damaged-{path.name}-{number}")
    with contextlib.suppress(OSError):
        fs.FS.rename(path, target)


def step_of(path: Path) -> int:
    """The global steps after which a checkpoint was taken, by its name."""
    found = _NAME.fullmatch(path.name)
    return int(found[2]) if found else 0


def find_latest(run: RunDirectory) -> Path | None:
    """The newest checkpoint, not verified; None without one."""
    found = list_checkpoints(run)
    return found[-1] if found else None


def find_best(run: RunDirectory) -> Path | None:
    """The checkpoint that was best on the monitor, according to the newest, not verified; None without one."""
    return chosen(run, lambda: _find_best(run))


def _find_best(run: RunDirectory) -> Path | None:
    paths = list_checkpoints(run)
    manifests = {path: _manifest_or_none(path) for path in paths}
    for path in reversed(paths):
        manifest = manifests[path]
        if manifest is None:
            continue
        wanted = manifest.get("best_step")
        for candidate in reversed(paths):
            of = manifests[candidate]
            if of and of.get("best") and of.get("step") == wanted:
                return candidate
    check_there(paths)
    return None


def check_there(paths: Iterable[Path]) -> None:
    """Raise CheckpointGone where one of these has vanished: what else was listed with it may be replaced as well."""
    for path in paths:
        if not os.path.lexists(path):
            raise _fault(path, "")


def _manifest_or_none(path: Path) -> dict[str, Any] | None:
    try:
        return read_manifest(path)
    except RunError:
        return None


def load_best(run: RunDirectory) -> Checkpoint:
    """The checkpoint that was best on the monitor. Raises RunError when there is none, CheckpointDamaged."""
    found = chosen(run, lambda: read_if_any(find_best(run)))
    if found is None:
        raise RunError(f"run {clean_line(run.id)} has no checkpoint that was best on the validation split")
    return found


def chosen(run: RunDirectory, choose: Callable[[], T]) -> T:
    """What `choose` reads of the checkpoints of a run; chosen again where its worker has replaced one of them in
    between. Raises RunError, and errors of `choose`.
    """
    for _ in range(_CHOICES):
        with contextlib.suppress(CheckpointGone):
            return choose()
    raise RunError(f"the checkpoints of {clean_line(run.id)} are replaced faster than they can be read; try again")


def dump_weights(run: RunDirectory) -> bytes | None:
    """The weights that gave the test result, under neutral names, as safetensors; None before the first checkpoint.
    Raises CheckpointDamaged.
    """
    from safetensors.numpy import save as dump

    from dltui.core.contract.state import WEIGHTS, best_weights

    path = find_best(run) or find_latest(run)
    if path is None:
        return None
    weights = best_weights(load(path)[0])
    return dump({name.removeprefix(WEIGHTS): weights[name] for name in sorted(weights)})


def prune(run: RunDirectory, keep: int = 2) -> list[str]:
    """Remove all but the last `keep` checkpoints and the best checkpoints that these refer to; returns the removed
    names.

    A checkpoint that cannot be removed stays, which does no harm; half-written leftovers of a killed worker are removed
    too.
    """
    paths = list_checkpoints(run)
    kept = set(paths[-keep:])
    manifests = {path: _manifest_or_none(path) or {} for path in paths}
    wanted = {manifests[path].get("best_step") for path in kept}
    kept |= {path for path in paths if manifests[path].get("best") and manifests[path].get("step") in wanted}
    removed = []
    for path in [path for path in paths if path not in kept] + _leftovers(run.checkpoints_dir):
        with contextlib.suppress(OSError):
            _remove(path)
            removed.append(path.name)
    return removed


def _leftovers(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if fs.is_temp(name)]  # noqa: PTH208
    except OSError:
        return []


def _remove(path: Path) -> None:
    """Remove a checkpoint, renaming it first, so that a half-removed checkpoint is never mistaken for an intact
    checkpoint.
    """
    if not fs.is_temp(path.name):
        temp = fs.temp_name(path)
        fs.FS.rename(path, temp)
        path = temp
    fs.remove_dir(path)
