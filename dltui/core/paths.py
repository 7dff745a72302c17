"""The folders of dltui: state, cache, configuration and the places where data may already lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from platformdirs import PlatformDirs

APP = "dltui"


def home() -> Path:
    """The folder for everything that must be kept: DLTUI_HOME, else the system's folder for state."""
    return _from_environment("DLTUI_HOME") or _of_system(lambda folders: folders.user_state_dir)


def runs_dir() -> Path:
    return home() / "runs"


def sweeps_dir() -> Path:
    return home() / "sweeps"


def sweep_file(name: str) -> Path:
    """What was asked of a sweep: its folder is one if it has this file."""
    return sweeps_dir() / name / "sweep.json"


def cache_dir() -> Path:
    """The folder for things that can be made again: prepared data, downloads, the catalog."""
    explicit = _from_environment("DLTUI_CACHE")
    if explicit is None and _from_environment("DLTUI_HOME") is not None:
        explicit = home() / "cache"
    return explicit or _of_system(lambda folders: folders.user_cache_dir)


def data_dir() -> Path:
    """The folder for what is installed for dltui, and not made by its runs."""
    return home() if _from_environment("DLTUI_HOME") is not None else _of_system(lambda folders: folders.user_data_dir)


def config_file() -> Path:
    """The user's settings file, which is never taken from the working directory."""
    explicit = _from_environment("DLTUI_CONFIG")
    if explicit is None and _from_environment("DLTUI_HOME") is not None:
        explicit = home() / "config.toml"
    return explicit or _of_system(lambda folders: folders.user_config_dir) / "config.toml"


def _of_system(choose: Callable[[PlatformDirs], str]) -> Path:
    """A folder that the system names for this program. Raises UsageError for a user without a home."""
    # Not needed where variables name the folders, and it takes some milliseconds.
    from platformdirs import PlatformDirs

    try:
        folder = Path(choose(PlatformDirs(APP)))
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():
        raise UsageError("this user has no home folder; set DLTUI_HOME to a folder that you can write to")
    return folder


def plugins_dir() -> Path:
    """The folder whose *.py files are plugins."""
    return config_file().parent / "plugins"


def downloads_dir() -> Path:
    return cache_dir() / "downloads"


def ensure_private_dir(path: Path) -> None:
    """Create a folder that only this user can read, with its parents. Raises UsageError when it cannot be
    written to.
    """
    try:
        _make_private(path)
        writable = os.access(path, os.W_OK | os.X_OK)
        reason = "read-only file system" if is_read_only(path) else "permission denied"
    except OSError as error:
        writable, reason = False, (error.strerror or str(error)).lower()
    if not writable:
        raise UsageError(f"cannot write to {path}: {reason}; set DLTUI_HOME to a folder that you can write to")


def made_home() -> Path:
    """`home`, made where it is not there yet: nothing starts in a folder that does not exist. Raises UsageError."""
    folder = home()
    if not is_folder(folder):
        ensure_private_dir(folder)
    return folder


def unreachable(path: str | Path) -> str:
    """Why nobody can tell what is at a path: "permission denied"; "" where that can be told, also of nothing."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ""
    except OSError as error:
        return clean_line(error.strerror or error, 200).lower()
    return ""


def is_read_only(path: Path) -> bool:
    """True if the file system of a path is mounted read-only."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _make_private(path: Path) -> None:
    if path.is_dir():
        return
    if not path.parent.is_dir():
        _make_private(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Created by another process since the check above, which is fine, or a file.
        if not path.is_dir():
            raise


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return _absolute(value) if value else None


def _absolute(text: str) -> Path:
    """Absolute without following links: a path is shown and kept as the user knows it."""
    # Not Path.absolute(), which keeps "..".
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111


def expanded(path: Path | str) -> Path:
    """A path with `~` replaced by the user's home; the name of an unknown user stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def working_directory() -> str:
    """The working directory; empty when it is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def absolute(text: str) -> str:
    """A path without following links, as the user knows it. Raises UsageError when there is no folder to be relative
    to."""
    try:
        return os.path.abspath(os.path.expanduser(text.strip()))  # noqa: PTH100, PTH111
    except OSError as error:
        raise UsageError(
            f"cannot find {clean_line(text, 100)}: the working directory is gone ({error.strerror})"
        ) from None


# Unlike pathlib's of Python 3.11 these raise nothing where the system refuses to look: below a folder that cannot be
# entered, for a name that is too long, on a disk that is away.
def exists(path: str | Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: str | Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112
