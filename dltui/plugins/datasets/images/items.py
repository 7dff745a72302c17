"""The places of images: a file of its own, or a part of a larger file, as in a tar archive."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dltui.core.data.image_file import File, NotNowError, UnreadableError, failed
from dltui.core.errors import RunError
from dltui.core.text import clean_line

T = TypeVar("T")


class Part(NamedTuple):
    """An image inside of a larger file; `name` is its name for people."""

    path: str
    offset: int
    size: int
    name: str


Source = str | Part
LARGEST = 1 << 30
"""The bytes of a part that are read at once; a damaged list of parts can ask for more than the memory."""
REMEDIES = {
    errno.EMFILE: "close other programs, or raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs, and try again",
    errno.ENOMEM: "try again when more memory is free, or remove the file",
}
"""What to do about errors that are those of the machine, not of a disk."""


def from_json(place: Any) -> Source:
    """The place that JSON holds: a path, or the values of a part."""
    return place if isinstance(place, str) else Part(*place)


def seen(source: Source, look: Callable[[File], T]) -> T:
    """What `look`, a function of `image_file`, finds in an image. Raises UnreadableError for an image that can be left
    out, and RunError where it cannot be read at this moment: data are kept, and would lack it for ever.
    """
    try:
        return look(opened(source))
    except NotNowError as error:
        remedy = REMEDIES.get(error.number, "try again when its disk can be read, or remove the file")
        raise RunError(f"{clean_line(name(source))} cannot be read now: {error}; {remedy}") from None


def opened(source: Source) -> File:
    """An image for `image_file`. Raises UnreadableError."""
    if isinstance(source, str):
        return source
    if source.size > LARGEST:
        raise UnreadableError("larger than 1 GiB")
    try:
        with Path(source.path).open("rb", buffering=0) as file:
            content = os.pread(file.fileno(), source.size, source.offset)
    except (OSError, MemoryError) as error:
        raise failed(error, source.path) from None
    if len(content) < source.size:
        raise UnreadableError("cut off")
    return io.BytesIO(content)


def is_jpeg(source: Source) -> bool:
    """True if a file begins as a JPEG does; false for one that cannot be read."""
    path, offset = (source, 0) if isinstance(source, str) else (source.path, source.offset)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, len(JPEG), offset) == JPEG
        finally:
            os.close(descriptor)
    except OSError:
        return False


JPEG = b"\xff\xd8\xff"


def name(source: Source, below: str = "") -> str:
    """The name for people: a path, below a folder if one is given, or the name of a part."""
    if isinstance(source, str):
        return os.path.relpath(source, below) if below else source
    return source.name


def version(sources: Sequence[Source]) -> list[tuple[int, int]]:
    """The size and the time of the last change of the file of each image; (0, 0) for a file that is not there."""
    seen: dict[str, tuple[int, int]] = {}
    found = []
    for source in sources:
        path = source if isinstance(source, str) else source.path
        if path not in seen:
            try:
                status = Path(path).stat()
                seen[path] = (status.st_size, status.st_mtime_ns)
            except OSError:
                seen[path] = (0, 0)
        found.append(seen[path])
    return found


def files(sources: Iterable[Source]) -> list[Path]:
    """The files in which images lie, each once."""
    return [Path(path) for path in dict.fromkeys(one if isinstance(one, str) else one.path for one in sources)]
