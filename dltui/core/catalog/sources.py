"""Finds the plugins and packages of an interpreter by looking at files: nothing is imported."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dltui.core.paths import working_directory
from dltui.core.version import __version__

GROUP = "dltui"
"""The group of entry points."""
FIRST = "dltui"
"""The name of dltui's own plugins, which come before all others when two give the same id."""
IMPORTING = re.compile(rb"^[ \t]*(?:from|import)[ \t](?:[^\n(]*\([^)]*\)|.*)", re.MULTILINE)
FROM_PACKAGE = re.compile(rb"^[ \t]*from[ \t]+(\.+)[ \t]+import\b", re.MULTILINE)
"""`from . import` and `from .. import`: what is imported may be in the `__init__.py` of a package."""
# The modules that decide what a probe answers.
PROBING = (
    "contract/__init__", "contract/types", "contract/config", "contract/families", "contract/hooks", "catalog/describe",
    "catalog/fields", "catalog/plugin_loader", "catalog/probe_process", "catalog/schema",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A distribution with entry points, or a single file, that brings plugins."""

    kind: Literal["distribution", "file"]
    name: str
    version: str = ""
    entry_points: tuple[tuple[str, str], ...] = ()
    """(name, "module" or "module:attribute")."""
    path: str | None = None
    """The absolute path of a plugin file."""
    digest: str = ""
    """Differs when what a probe would find may differ."""
    python: str = ""
    """The interpreter to load it with."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Source:
        """The source of a record; unknown fields are dropped."""
        known = {key: record[key] for key in cls.__dataclass_fields__ if key in record}
        points = tuple((str(name), str(value)) for name, value in known.pop("entry_points", ()))
        return cls(**known, entry_points=points)


@dataclass(frozen=True)
class Installed:
    """The packages and plugins of an interpreter. `problem` says in one line why it cannot be used at all."""

    python: str
    sources: tuple[Source, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    """Normalized name -> version."""
    folders: tuple[str, ...] = ()
    problem: str = ""

    def version(self, package: str) -> str | None:
        """The version of a distribution, or of another that gives the same module (tensorflow-cpu); None without it."""
        name = normalized(package)
        if name in self.packages:
            return self.packages[name]
        if not any((Path(folder) / package / "__init__.py").is_file() for folder in self.folders):
            return None
        return next((version for other, version in self.packages.items() if other.startswith(name + "-")), "unknown")

    def has_module(self, name: str) -> bool:
        """True if a package or module of this name can be imported, whatever distribution it is of."""
        return any(
            (Path(folder) / name).is_dir() or (Path(folder) / f"{name}.py").is_file()
            for folder in self.folders
            if folder
        )


def own() -> Installed:
    """The packages and plugins of the running interpreter."""
    folders = list(sys.path)
    # The folder of `python -m` or `-c`, which children with -P do not have: nothing is taken from there.
    if not sys.flags.safe_path and folders and folders[0] in ("", working_directory()):
        del folders[0]
    return scan(folders, sys.executable)


def scan(folders: Sequence[str], python: str) -> Installed:
    """Read the metadata in an interpreter's module search path; of a name found twice the first counts."""
    found: dict[str, tuple[str, str]] = {}
    for folder in dict.fromkeys(folder for folder in folders if folder):
        for entry in _metadata(folder):
            name, version = _name_and_version(entry)
            found.setdefault(name, (version, f"{folder}/{entry}"))
    packages = {name: version for name, (version, _) in found.items()}
    state = digest([python, __version__, _own_code(), sorted(packages.items())])
    sources = [_source(Path(path), folders, python, state) for _, path in found.values() if _mentions_group(path)]
    ordered = sorted((s for s in sources if s.entry_points), key=lambda s: (s.name != FIRST, s.name.lower()))
    return Installed(python, tuple(ordered), packages, tuple(folders))


def file_sources(files: Iterable[Path], installed: Installed) -> list[Source]:
    """The sources of single-file plugins, without duplicates; of two with the same name the second is called by its
    path.
    """
    state = digest([installed.python, __version__, _own_code(), sorted(installed.packages.items())])
    found: dict[str, Source] = {}
    names: set[str] = set()
    for file in files:
        path = os.path.abspath(file)  # noqa: PTH100 - not resolved: the name that the user knows
        if path in found:
            continue
        name = file.name if file.name not in names else path
        names.add(name)
        found[path] = Source(
            "file",
            name,
            path=path,
            digest=digest([state, path, _content(file), stamps(imported_beside(Path(path)))]),
            python=installed.python,
        )
    return list(found.values())


def local_origin(name: str, installed: Installed) -> str:
    """The words after `pip install` that install a distribution again from this machine: its folder, after `-e` where
    its code is used there; "" for one that came from an index.
    """
    for folder in installed.folders:
        for entry in _metadata(folder) if folder else ():
            if _name_and_version(entry)[0] == normalized(name):
                project, editable = _installed_from(Path(folder) / entry)
                return f"{'-e ' if editable else ''}{shlex.quote(project)}" if project else ""
    return ""


def at(source: Source, python: str) -> Source:
    """The same plugins loaded by another interpreter."""
    return replace(source, python=python, digest=digest([source.digest, python]))


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def imported_beside(file: Path) -> list[Path]:
    """The files in a file's own folder that it imports, directly or through another of them."""
    found, waiting = {file: None}, [file]
    while waiting:
        for name in _imported(waiting.pop()):
            module, package = file.parent / f"{name}.py", file.parent / name
            new = [module] if module.is_file() else _code(file.parent, name) if _is_package(package) else []
            waiting += [path for path in new if path not in found and path.suffix == ".py"]
            found |= dict.fromkeys(new)
    del found[file]
    return sorted(found)


def imported_within(file: Path) -> list[Path]:
    """The files of a file's own package that it imports, directly or through another of them; without a package those
    beside it.
    """
    top = file.parent
    if not _is_package(top):
        return imported_beside(file)
    while _is_package(top.parent):
        top = top.parent
    known: dict[str, set[Path]] = {}
    for path in top.rglob("*.py"):
        known.setdefault(path.parent.name if path.name == "__init__.py" else path.stem, set()).add(path)
    found = {file, *imported_beside(file)}
    waiting = [path for path in found if path.suffix == ".py"]
    while waiting:
        path = waiting.pop()
        new = _own_packages(path).union(*(known.get(word, ()) for word in _imported(path))) - found
        found |= new
        waiting += new
    return sorted(found - {file})


def _own_packages(file: Path) -> set[Path]:
    """The `__init__.py` of each package that a file imports from by dots alone."""
    levels = {len(dots) - 1 for dots in FROM_PACKAGE.findall(_bytes(file))}
    folders = [folder for level, folder in enumerate(file.parents) if level in levels]
    return {folder / "__init__.py" for folder in folders if _is_package(folder)}


def _imported(file: Path) -> set[str]:
    """All words in the import lines of a file."""
    return {word.decode() for line in IMPORTING.findall(_bytes(file)) for word in re.findall(rb"[A-Za-z_]\w*", line)}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def stamps(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """The (path, size, modification time) of the files that exist."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return found


def _metadata(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info")))  # noqa: PTH208
    except OSError:
        return []


def _name_and_version(entry: str) -> tuple[str, str]:
    """The name and version in a folder name: `my_plugin-1.0-py3.11.egg-info` -> ("my-plugin", "1.0")."""
    parts = re.sub(r"\.(dist|egg)-info$", "", entry).split("-")
    return normalized(parts[0]), parts[1] if len(parts) > 1 else ""


def _mentions_group(path: str) -> bool:
    try:
        with open(f"{path}/entry_points.txt", "rb") as file:  # noqa: PTH123 - some hundred of these at each start
            return b"[" + GROUP.encode() + b"]" in file.read(1 << 20)
    except OSError:
        return False


def _source(metadata: Path, folders: Sequence[str], python: str, state: str) -> Source:
    points = _entry_points(_text(metadata / "entry_points.txt"))
    header = _text(metadata / "METADATA") or _text(metadata / "PKG-INFO")
    name = re.search(r"^Name: *(.+)$", header, re.MULTILINE)
    version = re.search(r"^Version: *(.+)$", header, re.MULTILINE)
    record = _text(metadata / "RECORD")
    evidence: list[object] = [state, points, record]
    project, editable = _installed_from(metadata)
    if not record or editable:
        evidence.append(_code_stamps(points, folders, project))
    return Source(
        "distribution",
        name.group(1).strip() if name else _name_and_version(metadata.name)[0],
        version.group(1).strip() if version else "",
        points,
        digest=digest(evidence),
        python=python,
    )


def _installed_from(metadata: Path) -> tuple[str, bool]:
    """The folder or file of this machine that a distribution was installed from, "" for one that came from elsewhere,
    and if its code is used where it lies there.
    """
    from urllib.parse import unquote

    try:
        record = json.loads(_text(metadata / "direct_url.json"))
        url, editable = str(record["url"]), bool(record.get("dir_info", {}).get("editable"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", False
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else "", editable


def _entry_points(text: str) -> tuple[tuple[str, str], ...]:
    section, points = "", []
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif section == GROUP and "=" in line:
            name, value = line.split("=", 1)
            points.append((name.strip(), value.split("[", 1)[0].strip()))
    return tuple(points)


def _code_stamps(points: Iterable[tuple[str, str]], folders: Sequence[str], project: str) -> object:
    """The stamps of the files of an editable install, which its RECORD does not list."""
    tops = sorted({value.split(":")[0].split(".")[0] for _, value in points})
    roots = {Path(folder) for folder in folders if folder}
    roots |= {Path(project), Path(project) / "src"} if project else set()
    found = [_code(root, top) for top in tops for root in sorted(roots)]
    return [stamps(files) for files in found if files]


def _code(root: Path, top: str) -> list[Path]:
    if (root / f"{top}.py").is_file():
        return [root / f"{top}.py"]
    return sorted(
        Path(folder) / name
        for folder, _, names in os.walk(root / top)
        for name in names
        if name.endswith((".py", ".json", ".toml"))
    )


def _own_code() -> object:
    folder = Path(__file__).parents[1]
    return stamps(folder / f"{name}.py" for name in PROBING)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _content(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error}"
