"""The folders of dltui: state, cache, configuration and the places where data may already lie."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import platformdirs

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

APP = "dltui"


def home() -> Path:
    """The folder for everything that must be kept: DLTUI_HOME, else the system's folder for state."""
    return _from_environment("DLTUI_HOME") or Path(platformdirs.user_state_dir(APP))


def runs_dir() -> Path:
    return home() / "runs"


def cache_dir() -> Path:
    """The folder for things that can be made again: prepared data, downloads, the catalog."""
    explicit = _from_environment("DLTUI_CACHE")
    if explicit is None and _from_environment("DLTUI_HOME") is not None:
        explicit = home() / "cache"
    return explicit or Path(platformdirs.user_cache_dir(APP))


def config_file() -> Path:
    """The user's settings file, which is never taken from the working directory."""
    explicit = _from_environment("DLTUI_CONFIG")
    if explicit is None and _from_environment("DLTUI_HOME") is not None:
        explicit = home() / "config.toml"
    return explicit or Path(platformdirs.user_config_dir(APP)) / "config.toml"


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
        reason = "permission denied"
    except OSError as error:
        writable, reason = False, (error.strerror or str(error)).lower()
    if not writable:
        raise UsageError(f"cannot write to {path}: {reason}; set DLTUI_HOME to a folder that you can write to")


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


def open_to_others(path: Path) -> str:
    """The reason why another user may change a file or folder, with the command that repairs it; "" when none may. A
    group without other members is no danger. Raises OSError.
    """
    found = path.stat()
    shown = shlex.quote(clean_line(path))
    if found.st_uid not in (os.geteuid(), 0):
        return f"{clean_line(path)} belongs to {user_name(found.st_uid)}; take it over: sudo chown $USER {shown}"
    if found.st_mode & 0o002:
        return f"anybody may write to {clean_line(path)}; repair it: chmod go-w {shown}"
    if found.st_mode & 0o020 and not _own_group(found.st_gid):
        return f"a group may write to {clean_line(path)}; repair it: chmod g-w {shown}"
    return ""


def user_name(number: int) -> str:
    """The login name of a user, or "user 1234"."""
    import pwd

    try:
        return clean_line(pwd.getpwuid(number).pw_name, 64)
    except KeyError:
        return f"user {number}"


def _own_group(number: int) -> bool:
    """True if a group is the private group of this user, as many systems make it."""
    import grp

    try:
        group = grp.getgrgid(number)
    except KeyError:
        return False
    name = user_name(os.geteuid())
    return os.geteuid() != 0 and group.gr_name == name and set(group.gr_mem) <= {name}


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return _absolute(value) if value else None


def _absolute(text: str) -> Path:
    """Absolute without following links: a path is shown and kept as the user knows it."""
    # Not Path.absolute(), which keeps "..".
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111


def absolute(text: str) -> str:
    """A path without following links, as the user knows it. Raises UsageError when there is no folder to be relative
    to."""
    try:
        return os.path.abspath(os.path.expanduser(text.strip()))  # noqa: PTH100, PTH111
    except OSError as error:
        raise UsageError(f"cannot find {clean_line(text, 100)}: the working directory is gone ({error})") from None
