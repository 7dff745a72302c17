"""Identities that make a result traceable: weights, plugin code, user."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.sources import imported_beside

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
    """The origin of a plugin: name, version, a digest of its code, of a file also one of the files `beside` it that it
    imports, and, for code under git, the commit.
    """
    found = {key: source.get(key) for key in ("kind", "name", "version")}
    commit = git_commit(Path(source["path"])) if source.get("path") else None
    more = {"code": code(source), "beside": _beside(source), "commit": commit}
    return found | {name: value for name, value in more.items() if value}


def code(source: Mapping[str, Any]) -> str:
    """The SHA-256 over the code of a plugin without comments, docstrings and line breaks, of a file without those that
    it imports; "" for built-in plugins, which have a version, and for code that cannot be read.
    """
    if source.get("kind") != "file" and source.get("name") == "dltui":
        return ""
    files = [Path(str(source["path"]))] if source.get("path") else _package(source)
    return _digest((file.name, file) for file in files)


def _beside(source: Mapping[str, Any]) -> str:
    """The same over the Python files beside a plugin file that it imports; "" without any."""
    if not source.get("path"):
        return ""
    path = Path(str(source["path"]))
    files = [file for file in imported_beside(path) if file.suffix == ".py"]
    return _digest((file.relative_to(path.parent).as_posix(), file) for file in files)


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """The SHA-256 over what files mean, and their names; "" without any, and where one cannot be read."""
    try:
        lines = [f"{name} {_meaning(file.read_bytes())}\n" for name, file in files]
    except OSError:
        return ""
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest() if lines else ""


def _package(source: Mapping[str, Any]) -> list[Path]:
    """The Python files of an installed plugin, found without importing it; none for another interpreter."""
    if source.get("python") not in (None, sys.executable):
        return []
    found: list[Path] = []
    for top in sorted({str(value).split(":")[0].split(".")[0] for _, value in source.get("entry_points") or ()}):
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(top)
            if spec is None:
                continue
            for folder in spec.submodule_search_locations or ():
                found += sorted(Path(folder).rglob("*.py"))
            if not spec.submodule_search_locations and spec.origin:
                found.append(Path(spec.origin))
    return found


def _meaning(text: bytes) -> str:
    """The digest of a file's syntax tree without docstrings; of its bytes when it does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return hashlib.sha256(text).hexdigest()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[0] = ast.Pass()
    return hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


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
