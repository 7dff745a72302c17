"""Checkpoints: arrays and JSON in a folder that appears whole or not at all, with a checksum of every file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract import State
    from dltui.core.rundir import RunDirectory

ARRAYS, LOOP, MANIFEST = "state.safetensors", "state.json", "manifest.json"
KEPT = 2


class CheckpointDamaged(RunError):
    """A file of a checkpoint is not as it was written."""


@dataclass(frozen=True)
class CheckpointInfo:
    """What a manifest says. `step` is global steps done."""

    name: str
    path: Path
    attempt: int
    step: int
    best: bool
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint: arrays by name, and the loop's state."""

    name: str
    state: State
    loop_state: dict[str, Any]


def save(
    run: RunDirectory, step: int, attempt: int, state: State, loop_state: dict[str, Any], best: bool
) -> CheckpointInfo:
    """Write a checkpoint. Raises OSError; the folder then has no checkpoint of this name, the older ones stay."""
    from safetensors.numpy import save as to_bytes

    name = f"a{attempt:02d}-step-{step:08d}"
    final = run.checkpoints_dir / name
    files = {ARRAYS: to_bytes(state), LOOP: json.dumps(loop_state).encode()}
    size = sum(map(len, files.values()))
    _check_room(run.checkpoints_dir, size)
    manifest = {
        "name": name,
        "attempt": attempt,
        "step": step,
        "best": best,
        "files": {key: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for key, data in files.items()},
    }
    temp = fs.temp_beside(final)
    try:
        fs.system().mkdir(temp)
        for key, data in files.items():
            fs.write_file(temp / key, data)
        fs.write_file(temp / MANIFEST, _sealed(manifest))
        if final.exists():
            fs.remove_tree(final)
        fs.commit_dir(temp, final)
    except BaseException:
        fs.remove_tree(temp)
        raise
    return CheckpointInfo(name, final, attempt, step, best, size)


def read_manifest(path: Path) -> dict[str, Any]:
    """Raises CheckpointDamaged."""
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        seal = manifest.pop("sha256")
        if seal != _digest(manifest) or manifest["name"] != path.name:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointDamaged(f"checkpoint {path.name} damaged (manifest)") from error
    return dict(manifest)


def load(path: Path) -> Checkpoint:
    """Read and verify. Raises CheckpointDamaged naming the checkpoint and the file."""
    from safetensors.numpy import load as from_bytes

    manifest = read_manifest(path)
    data = {}
    for key in (ARRAYS, LOOP):
        try:
            data[key] = (path / key).read_bytes()
            expected = manifest["files"][key]["sha256"]
        except (OSError, KeyError, TypeError) as error:
            raise CheckpointDamaged(f"checkpoint {path.name} damaged ({key} is missing)") from error
        if hashlib.sha256(data[key]).hexdigest() != expected:
            raise CheckpointDamaged(f"checkpoint {path.name} damaged (SHA-256 of {key} differs)")
    return Checkpoint(path.name, from_bytes(data[ARRAYS]), json.loads(data[LOOP]))


def infos(run: RunDirectory) -> list[CheckpointInfo]:
    """Checkpoints whose manifest is good, newest first: by step, then by attempt."""
    found = []
    for path in _folders(run):
        try:
            manifest = read_manifest(path)
        except CheckpointDamaged:
            continue
        size = sum(entry["bytes"] for entry in manifest["files"].values())
        found.append(
            CheckpointInfo(path.name, path, manifest["attempt"], manifest["step"], bool(manifest["best"]), size)
        )
    return sorted(found, key=lambda info: (info.step, info.attempt), reverse=True)


def load_latest(run: RunDirectory, tell: Callable[[str], None]) -> Checkpoint | None:
    """The newest good checkpoint. Damaged ones are moved aside as `damaged-*`, each with a line to `tell`; None when
    there never was one. Raises RunError when there were some and none is good."""
    damaged = []
    candidates = sorted(_folders(run), key=_order, reverse=True)
    for path in candidates:
        try:
            found = load(path)
        except CheckpointDamaged as error:
            damaged.append((path, str(error)))
            continue
        for bad, problem in damaged:
            tell(f"{problem}, using {found.name}")
            _move_aside(bad)
        return found
    if damaged:
        raise RunError(f"{damaged[0][1]} and no other is left in {run.checkpoints_dir}; start the run again")
    return None


def find_best(run: RunDirectory) -> CheckpointInfo | None:
    """The best one on validation: of those marked best when they were saved, the newest."""
    return next((info for info in infos(run) if info.best), None)


def load_best(run: RunDirectory) -> Checkpoint:
    """Raises RunError when it is missing or damaged."""
    info = find_best(run)
    if info is None:
        raise RunError(f"the best checkpoint is missing in {run.checkpoints_dir}")
    return load(info.path)


def prune(run: RunDirectory, keep: int = KEPT) -> None:
    """Remove all but the last `keep` and the best."""
    found = infos(run)
    best = next((info for info in found if info.best), None)
    for info in found[keep:]:
        if info is not best:
            fs.remove_tree(info.path)


def _folders(run: RunDirectory) -> list[Path]:
    try:
        return [path for path in run.checkpoints_dir.iterdir() if path.name.startswith("a") and path.is_dir()]
    except OSError:
        return []


def _order(path: Path) -> tuple[int, str]:
    step = path.name.rpartition("-")[2]
    return (int(step) if step.isdigit() else -1, path.name)


def _move_aside(path: Path) -> None:
    target = path.with_name(f"damaged-{path.name}")
    if target.exists():
        fs.remove_tree(target)
    path.rename(target)


def _check_room(folder: Path, size: int) -> None:
    """Better no checkpoint than half of one on a disk that is then full for everybody."""
    free = fs.free_bytes(folder)
    if free < size + (1 << 16):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _sealed(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest | {"sha256": _digest(manifest)}, indent=1).encode()


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
