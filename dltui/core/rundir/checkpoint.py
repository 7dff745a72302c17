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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.rundir import checksum
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import State
    from dltui.core.rundir.directory import RunDirectory

FORMAT = 1
_MOST_MANIFEST = 1 << 20
ARRAYS, LOOP_STATE, MANIFEST = "state.safetensors", "state.json", "manifest.json"
MARGIN_BYTES = 1 << 20
"""Room that a checkpoint leaves on the disk, for the log that tells of it."""
_NAME = re.compile(r"a(\d{2,6})-step-(\d{8,12})(?:-(\d{1,9}))?")


class CheckpointDamaged(RunError):
    """A damaged checkpoint. The message names the checkpoint and the damage."""


@dataclass(frozen=True)
class CheckpointInfo:
    """A checkpoint on the disk: the name of its folder, and its size."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory."""

    name: str
    path: Path
    state: State
    loop_state: dict[str, Any]


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
    """The arrays and the loop's own state. Raises CheckpointDamaged for any damage."""
    files = _verified(path)
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        loop_state = json.loads(files[LOOP_STATE])["loop_state"]
        state = parse(files[ARRAYS])
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise CheckpointDamaged(f"checkpoint {clean_line(path.name)} damaged (not in its format)") from error
    if not isinstance(loop_state, dict):
        raise CheckpointDamaged(f"checkpoint {clean_line(path.name)} damaged (not in its format)")
    return state, loop_state


def _verified(path: Path) -> dict[str, bytes]:
    """The content of both files, verified by the manifest."""
    name = clean_line(path.name)
    listed = read_manifest(path).get("files")
    contents = {}
    for file in (ARRAYS, LOOP_STATE):
        try:
            expected = listed.get(file) if isinstance(listed, dict) else None
            size = expected.get("bytes") if isinstance(expected, dict) else None
            contents[file] = fs.read_limited(path / file, size if isinstance(size, int) else 0)
        except OSError as error:
            raise CheckpointDamaged(f"checkpoint {name} damaged ({file}: {error.strerror})") from error
        found = _describe(contents[file])
        if not isinstance(expected, dict) or expected.get("bytes") != found["bytes"]:
            raise CheckpointDamaged(f"checkpoint {name} damaged (size of {file} differs)")
        if expected.get("sha256") != found["sha256"]:
            raise CheckpointDamaged(f"checkpoint {name} damaged (SHA-256 of {file} differs)")
    return contents


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a checkpoint: step, attempt, best, best_step, files. Raises CheckpointDamaged, or RunError for a
    newer format.
    """
    name = clean_line(path.name)
    try:
        content = json.loads(fs.read_limited(path / MANIFEST, _MOST_MANIFEST))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointDamaged(f"checkpoint {name} damaged (its manifest cannot be read)") from error
    content = checksum.opened(content) if isinstance(content, dict) else None
    if content is None:
        raise CheckpointDamaged(f"checkpoint {name} damaged (SHA-256 of {MANIFEST} differs)")
    if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
        raise RunError(f"checkpoint {name} was written by a newer dltui; upgrade dltui")
    if type(content.get("step")) is not int or not isinstance(content.get("best_step"), (int, NoneType)):
        raise CheckpointDamaged(f"checkpoint {name} damaged (not in its format)")
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
            state, loop_state = load(path)
        except CheckpointDamaged as error:
            damaged.append((path, str(error)))
            continue
        for bad, problem in damaged:
            log(f"{problem}, using {path.name}")
            _move_aside(bad)
        return Checkpoint(path.name, path, state, loop_state)
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


def find_latest(run: RunDirectory) -> Path | None:
    """The newest checkpoint, not verified; None without one."""
    found = list_checkpoints(run)
    return found[-1] if found else None


def find_best(run: RunDirectory) -> Path | None:
    """The checkpoint that was best on the monitor, according to the newest, not verified; None without one."""
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
    return None


def _manifest_or_none(path: Path) -> dict[str, Any] | None:
    try:
        return read_manifest(path)
    except RunError:
        return None


def load_best(run: RunDirectory) -> Checkpoint:
    """The checkpoint that was best on the monitor. Raises RunError when there is none, CheckpointDamaged."""
    path = find_best(run)
    if path is None:
        raise RunError(f"run {clean_line(run.id)} has no checkpoint that was best on the validation split")
    state, loop_state = load(path)
    return Checkpoint(path.name, path, state, loop_state)


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
