"""Puts an SVG file into an HTML page: only the visible parts, with ids that are unique in the page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_REFERENCE = re.compile(r"url\(#([^)]+)\)")
# A picture that came from a plugin may hold more than a picture.
_LEFT_OUT = frozenset({"metadata", "script", "foreignObject", "iframe", "a"})


def inline_svg(svg: bytes, prefix: str) -> str:
    """The element `<svg>` as HTML. Raises ElementTree.ParseError when it is no XML."""
    root = ElementTree.fromstring(svg)
    _settle(root, prefix)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    return ElementTree.tostring(root, encoding="unicode")


def _settle(element: ElementTree.Element, prefix: str) -> None:
    """Remove the namespaces, which HTML does not know, and put every id and reference below `prefix`."""
    element.tag = _local(element.tag)
    element.attrib = {
        name: _attribute(name, value, prefix)
        for key, value in element.attrib.items()
        if not (name := _local(key)).lower().startswith("on")
    }
    if element.tag == "style":
        element.text = _REFERENCE.sub(rf"url(#{prefix}\1)", element.text or "")
    for child in list(element):
        if not isinstance(child.tag, str) or _local(child.tag) in _LEFT_OUT:
            element.remove(child)
        else:
            _settle(child, prefix)


def _attribute(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name == "href":
        # Pictures inside are data; nothing may be fetched from elsewhere.
        return f"#{prefix}{value[1:]}" if value.startswith("#") else (value if value.startswith("data:image/") else "")
    return _REFERENCE.sub(rf"url(#{prefix}\1)", value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
