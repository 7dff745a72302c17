"""Identities that make a result traceable: weights, plugin code, user."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.core.contract.types import State


PREFIX = "weights/"


def weights(state: State) -> str:
    """The SHA-256 over name, dtype, shape and bytes of the weights, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(key for key in state if key.startswith(PREFIX)):
        array = state[name]
        digest.update(f"{name[len(PREFIX) :]} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def plugin(source: dict[str, Any]) -> dict[str, Any]:
    """The origin of a plugin: name, version and, for code under git, the commit."""
    found = {key: source.get(key) for key in ("kind", "name", "version")}
    commit = git_commit(Path(source["path"])) if source.get("path") else None
    return found | ({"commit": commit} if commit else {})


def git_commit(path: Path) -> str | None:
    """The commit checked out around `path`, read without running git; None outside a checkout."""
    for folder in (path, *path.parents):
        head = folder / ".git" / "HEAD"
        try:
            text = head.read_text(encoding="utf-8").strip()
            if not text.startswith("ref: "):
                return text[:40]
            return (folder / ".git" / text[5:]).read_text(encoding="utf-8").strip()[:40]
        except (OSError, UnicodeDecodeError):
            continue
    return None
