"""Writes the package of a new plugin, after checking that nothing of its name exists."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.tui.cli.templates import plugin_texts

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

FRAMEWORKS = {"torch": "in PyTorch", "tensorflow": "in TensorFlow"}
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
MOST = 40


def model_id(name: str, framework: str) -> str:
    """The model's id: `my-net` -> `my-net-torch`; a name that contains its framework stays."""
    return name if name.endswith(f"-{framework}") else f"{name}-{framework}"


def check_name(name: str, framework: str, catalog: Catalog) -> None:
    """Raise UsageError for an invalid name, or a name that is taken."""
    module = name.replace("-", "_")
    if len(name) > MOST or not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!r} is not a name for a plugin: up to {MOST} of a-z, 0-9 and single dashes, a letter first"
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module in ("tests", "dltui"):
        raise UsageError(f"{name} cannot be the name of a plugin: Python or dltui uses it")
    if importlib.util.find_spec(module) is not None:
        raise UsageError(f"{name} cannot be the name of a plugin: a module {module} is installed already")
    model = catalog.models.get(model_id(name, framework))
    if model is not None:
        raise UsageError(f"there is a model {model.id} already, from {model.source.get('name')}; choose another name")


def write(name: str, framework: str, parent: Path) -> tuple[Path, list[Path]]:
    """Write the package to `parent`/NAME and return the folder and its files. Raises UsageError, leaving nothing."""
    folder = paths.expanded(parent) / name
    values = {
        "name": name,
        "module": name.replace("-", "_"),
        "id": model_id(name, framework),
        "family": name.removesuffix(f"-{framework}"),
        "framework": framework,
        "title": FRAMEWORKS[framework],
    }
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{folder} exists already; nothing was written") from None
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {(error.strerror or str(error)).lower()}") from None
    written = []
    try:
        for path, text in plugin_texts.files(framework).items():
            file = folder / Template(path).substitute(values)
            file.parent.mkdir(exist_ok=True)
            file.write_text(Template(text).substitute(values), encoding="utf-8")
            written.append(file)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"cannot write to {folder}: {(error.strerror or str(error)).lower()}") from None
    return folder, written
