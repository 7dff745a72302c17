"""The user's own settings file, which is optional; interpreters are never read from another place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dltui.core import ownership, paths
from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


class Settings(NamedTuple):
    """`interpreters` maps a framework to the Python that has it; `tables` is the whole file."""

    interpreters: Mapping[str, str] = MappingProxyType({})
    tables: Mapping[str, Any] = MappingProxyType({})

    def interpreter(self, framework: str) -> str:
        """The Python that runs models of a framework: by default the Python that runs dltui."""
        return self.interpreters.get(framework, sys.executable)


def load_settings() -> Settings:
    """The user's settings. Raises UsageError with file and line when the file cannot be read."""
    file = paths.config_file()
    problem = ownership.refusal(file.parent) or ownership.refusal(file) if file.exists() else ""
    if problem:
        # It names interpreters that are started.
        raise UsageError(problem)
    tables = read_tables(file)
    if tables is None:
        return Settings()
    frameworks = tables.get("frameworks", {})
    if not isinstance(frameworks, dict):
        raise UsageError(f'{file}: frameworks must be tables like [frameworks.torch] python = "/path/to/python"')
    return Settings({name: _python(name, entry, file) for name, entry in frameworks.items() if entry != {}}, tables)


def read_tables(file: Path) -> dict[str, Any] | None:
    """The content of a TOML file; None without the file. Raises UsageError with file and line."""
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    return _parse(content, file)


def change_tables(file: Path, change: Callable[[TOMLDocument], object]) -> None:
    """Change a TOML file; all else in it stays as it is, comments too. Raises UsageError."""
    import tomlkit

    from dltui.core import fs

    read_tables(file)
    try:
        paths.ensure_private_dir(file.parent)
        document = tomlkit.parse(file.read_text(encoding="utf-8") if file.exists() else "")
        change(document)
        fs.write_atomic(file.resolve(), tomlkit.dumps(document).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _parse(content: bytes, file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        from dltui.core.text import clean_line

        raise UsageError(f"{file} is not valid TOML: {clean_line(error, 200)}") from None


def _python(framework: str, entry: object, file: Path) -> str:
    python = entry.get("python") if isinstance(entry, dict) else None
    if not isinstance(python, str) or not python:
        raise UsageError(f'{file}: [frameworks.{framework!r:.40}] needs python = "/path/to/python" and nothing else')
    # Not resolved: the python of a virtual environment is a link, and the link is what makes it one.
    return os.path.abspath(os.path.expanduser(python))  # noqa: PTH100, PTH111
