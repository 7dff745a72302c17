"""The figures of the current export: each is drawn once, for its own file and for the HTML page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from dltui.exports.look import USUAL, look

_pictures: ContextVar[dict[str, bytes] | None] = ContextVar("pictures", default=None)
_wanted: ContextVar[bool] = ContextVar("wanted", default=True)


@contextlib.contextmanager
def one_export(figures: bool = True) -> Iterator[None]:
    """A context in which figures are kept; the run must not be read again meanwhile. Without `figures` none is to be
    drawn in it.
    """
    pictures, wanted = _pictures.set({}), _wanted.set(figures)
    try:
        yield
    finally:
        _pictures.reset(pictures)
        _wanted.reset(wanted)


def wanted() -> bool:
    """True unless this export is one of tables alone."""
    return _wanted.get()


def keep(name: str, svg: bytes) -> None:
    """Keep the figure of the exporter called `name`, as SVG."""
    pictures = _pictures.get()
    # The page shows figures as they usually look, whatever is wished of their files.
    if pictures is not None and look() == USUAL:
        pictures[name] = svg


def known(name: str) -> bytes | None:
    """The kept figure; None where it was not drawn as SVG, or not in this export."""
    return (_pictures.get() or {}).get(name)
