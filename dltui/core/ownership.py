"""Checks that no other user may change a file or folder, before code from it is executed."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from dltui.core.text import clean_line

TRUSTED = "DLTUI_TRUSTED"
"""The environment variable with the plugin files of other users that this user accepts, for the processes that import
them.
"""


def open_to_others(path: Path) -> str:
    """The reason why another user may change a file or folder, with the command that repairs it; "" when none may. A
    group without other members is no danger. Raises OSError.
    """
    found = path.stat()
    shown, quoted = clean_line(path), shlex.quote(clean_line(path))
    if found.st_uid not in (os.geteuid(), 0):
        # The file of a colleague is copied, not taken over.
        theirs = stat.S_ISREG(found.st_mode) and path.resolve().parent.stat().st_uid != os.geteuid()
        repair = f"take a copy: cp {quoted} ." if theirs else f"take it over: sudo chown $USER {quoted}"
        return f"{shown} belongs to {user_name(found.st_uid)}; {repair}"
    if found.st_mode & 0o002:
        return f"anybody may write to {shown}; repair it: chmod go-w {quoted}"
    if found.st_mode & 0o020 and not _own_group(found.st_gid):
        return f"a group may write to {shown}; repair it: chmod g-w {quoted}"
    return ""


def refusal(path: Path) -> str:
    """The reason why nothing from a path is executed, or ""; the path need not exist."""
    try:
        return open_to_others(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno == errno.ELOOP:
            # Links that lead to one another lead to no file.
            return ""
        return f"cannot tell who may write to {clean_line(path)}: {error.strerror}"


def code_refusal(file: Path) -> str:
    """The reason why a plugin file is not executed, or "": others may change it, its folder, where another file could
    take its place, or a file beside it, which it can import.
    """
    if str(file) in os.environ.get(TRUSTED, "").split(os.pathsep):
        return ""
    folder = file.resolve().parent
    if keeps_others_out(folder):
        return refusal(file)
    return next(filter(None, map(refusal, (file, folder, *beside(folder)))), "")


def keeps_others_out(folder: Path) -> bool:
    """True if every user may create files in a folder but not replace the files of others, as in /tmp."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX and mode & 0o002)


def beside(folder: Path) -> list[Path]:
    """The Python files in a folder."""
    return sorted(folder.glob("*.py"))


def trust(files: Iterable[str]) -> None:
    """Let this process and its children import plugin files that belong to other users."""
    os.environ[TRUSTED] = os.pathsep.join(files)


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
