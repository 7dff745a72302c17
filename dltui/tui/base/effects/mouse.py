"""The mouse: what a click on a row of text means. Every click does what a key does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dltui.tui.draw.styled_text import width

if TYPE_CHECKING:
    from dltui.tui.draw.styled_text import Row

NAMES = {
    "Enter": "enter",
    "Esc": "escape",
    "Space": "space",
    "Tab": "tab",
    "PgDn": "pagedown",
    "Backspace": "backspace",
    "End": "end",
    "Home": "home",
    "/": "slash",
    "#": "number_sign",
    "%": "percent_sign",
    "?": "question_mark",
    "+": "plus",
}
"""Keys as rows show them, by their names."""


def wanted(setting: str, environment: Mapping[str, str]) -> bool:
    """True if clicks are to be answered. By default not over SSH, where selecting text is worth more than clicking."""
    said = environment.get("DLTUI_MOUSE", "")
    setting = said if said in ("on", "off") else setting
    if setting != "auto":
        return setting == "on"
    return not any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))


def key_at(row: Row, x: int) -> str:
    """The key that a row of keys shows at a column, or in the label after it; "" where there is none."""
    key, end = "", 0
    for text, style in row:
        end += width(text)
        if "key" in style.split():
            key = text.strip()
        elif not text.strip():
            # A gap ends a label.
            key = ""
        if x < end:
            break
    else:
        return ""
    return NAMES.get(key, key if len(key) == 1 else "")


def tab_at(row: Row, x: int) -> int:
    """The number of the tab whose title is at a column of the row of tabs; 0 where there is none."""
    text = "".join(text for text, _ in row)
    for found in re.finditer(r"\b(\d)( [^\W\d]+)?", text):
        if found.start() - 1 <= x <= found.end():
            return int(found[1])
    return 0
