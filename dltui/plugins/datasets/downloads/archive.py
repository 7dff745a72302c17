"""Reads files out of a tar archive without unpacking it: nothing is written, nothing leaves the archive."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dltui.core.errors import RunError
from dltui.core.text import clean_line

MOST_MEMBERS = 10_000


def read_files(path: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """The content of regular files by name; `sizes` maps the wanted names to their exact sizes in bytes.

    An archive with anything but regular files and folders, with a name that leads out of it, or with members larger
    than all wanted files together could be, is refused completely. Raises RunError naming archive and member.
    """
    allowed = 2 * sum(sizes.values()) + (1 << 20)
    found = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            members = []
            for member in archive:
                members.append(member)
                allowed -= member.size
                problem = _problem(member) or ("is too large" if allowed < 0 or len(members) > MOST_MEMBERS else "")
                if problem:
                    raise RunError(f"{path} is refused: {clean_line(member.name, 100)} in it {problem}")
            for member in members:
                if member.isreg() and sizes.get(member.name) == member.size:
                    content = archive.extractfile(member)
                    found[member.name] = content.read() if content is not None else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError) as error:
        raise RunError(f"{path} cannot be unpacked: {clean_line(error, 100)}; get the file again") from None
    for name, size in sizes.items():
        if len(found.get(name, b"")) != size:
            raise RunError(f"{path} has no {name} of {size:,} bytes; get the file again")
    return found


def _problem(member: tarfile.TarInfo) -> str:
    """The reason why a member makes an archive untrustworthy; "" when it does not."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        return "leads out of it"
    if member.issym() or member.islnk():
        return "is a link"
    if member.issparse() or not (member.isreg() or member.isdir()):
        return "is not a regular file"
    return "is of a negative size" if member.size < 0 else ""
