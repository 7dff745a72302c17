"""Writes a figure with its metadata, so that the same figure has the same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dltui.exports.about import About


def save(figure: Figure, target: Path, about: About) -> None:
    """Write `target` atomically; its suffix is the format. Raises OSError."""
    fs.write_atomic(target, render(figure, target.suffix.lstrip("."), about))


def render(figure: Figure, suffix: str, about: About) -> bytes:
    """The bytes of a figure as svg, png or pdf."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix, metadata=_metadata(suffix, about))
    if suffix == "svg":
        return _described(buffer.getvalue(), about)
    return buffer.getvalue()


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
