"""The figures of the export that is under way: each is drawn once, for its own file and for the page that shows all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_pictures: ContextVar[dict[str, bytes] | None] = ContextVar("pictures", default=None)


@contextlib.contextmanager
def one_export() -> Iterator[None]:
    """Within it, what is kept is known; the run must not be read anew meanwhile."""
    token = _pictures.set({})
    try:
        yield
    finally:
        _pictures.reset(token)


def keep(name: str, svg: bytes) -> None:
    """The figure of the exporter called `name`, as SVG."""
    pictures = _pictures.get()
    if pictures is not None:
        pictures[name] = svg


def known(name: str) -> bytes | None:
    """None where it was not drawn as SVG, or not in this export."""
    return (_pictures.get() or {}).get(name)
