"""Writes a figure with its metadata, so that the same figure has the same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.exports.look import look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dltui.exports.about import About

MOST_PIXELS = 65_000
"""On the longer side of a PNG: the library that draws it takes no more than 65,535."""


def save(figure: Figure, target: Path, about: About) -> None:
    """Write `target` atomically; its suffix is the format. Raises OSError."""
    fs.write_atomic(target, render(figure, target.suffix.lstrip("."), about))


def render(figure: Figure, suffix: str, about: About) -> bytes:
    """The bytes of a figure as svg, png or pdf. A long PNG has fewer pixels an inch than it should, if it must."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix, metadata=_metadata(suffix, about), dpi=_resolution(figure, suffix))
    if suffix == "svg":
        return _described(buffer.getvalue(), about)
    return buffer.getvalue()


def _resolution(figure: Figure, suffix: str) -> float | None:
    """The pixels an inch of a PNG that would have too many; None for what is saved as it is wished."""
    possible = MOST_PIXELS / float(max(figure.get_size_inches()))
    return possible if suffix == "png" and possible < look().dpi else None


def _metadata(suffix: str, about: About) -> dict[str, Any]:
    """The metadata of a format; None removes entries that vary from day to day or between versions."""
    if suffix == "svg":
        return {"Title": about.title, "Description": about.text, "Date": None, "Creator": None}
    if suffix == "pdf":
        nothing = {"Creator": None, "Producer": None, "CreationDate": None}
        return {"Title": about.title, "Subject": about.description, "Keywords": about.text} | nothing
    return {"Title": about.title, "Description": about.text, "Software": None}


def _described(svg: bytes, about: About) -> bytes:
    """The SVG with a description for screen readers."""
    from xml.sax.saxutils import escape

    text = svg.decode("utf-8")
    start = text.index("<svg ")
    end = text.index("</title>", start) + len("</title>")
    head = text[start:end].replace("<svg ", '<svg role="img" ', 1)
    return (text[:start] + head + f"\n <desc>{escape(about.description)}</desc>" + text[end:]).encode("utf-8")
