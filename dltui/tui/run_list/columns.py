"""The columns of the list of runs: which there are and how wide, in the room that a terminal has."""

from __future__ import annotations

from dltui.tui.draw.styled_text import Row, ends, left

CURSOR = 2
"""The cells before the name."""
STATE, TIME = 11, 4
USUAL = 80
"""The width from which on all columns have all their room."""
TIGHT = 60
"""The width below which the time stands in the column of the state, beside a short state."""
TITLES = {
    "name": "NAME",
    "model": "MODEL",
    "framework": "FW",
    "data": "DATA",
    "where": "WHERE",
    "done": "DONE",
    "best": "BEST",
}
LEAST = {"name": 14, "model": 9, "framework": 3, "data": 9, "where": 8, "done": 6, "best": 10}
"""The width below which a column says nothing."""
YIELDING = ("where", "framework", "data", "model", "done")
"""The columns that a narrow screen leaves out, the first of them first."""


def columns(width: int, hosts: bool = False) -> dict[str, int]:
    """The width of each column; the space beyond 80 goes to names, a progress bar, the best value and the trend. With
    other `hosts` WHERE has their names too. Below 80 columns are left out.
    """
    if width < USUAL:
        return _narrow(width)
    more = width - USUAL
    wider = 4 if hosts else 0
    return {
        "name": 15 - wider // 2 + min(more // 6, 22),
        "model": 10 - wider // 4 + min(more // 10, 10),
        "framework": 3,
        "data": 9 - wider // 4 + min(more // 12, 8),
        "where": 9 + wider + min(more // 12, 10),
        "done": 6 + (min(more // 4 - 2, 30) if more >= 32 else 0),
        "best": 11 + min(more // 20, 6),
    }


def _narrow(width: int) -> dict[str, int]:
    sizes, room = dict(LEAST), width - CURSOR - state_width(width)
    for key in YIELDING:
        if sum(sizes.values()) > room:
            del sizes[key]
    sizes["name"] += max(room - sum(sizes.values()), 0)
    return sizes


def state_width(width: int) -> int:
    """The cells of the state with its time."""
    return STATE + TIME if width >= TIGHT else STATE + 2


def header(width: int, hosts: bool = False) -> Row:
    """The titles of the columns."""
    sizes = columns(width, hosts)
    text = " " * CURSOR + "".join(left(TITLES[key], size) for key, size in sizes.items())
    text += "TREND" if trend_room(width) else ""
    return ends([(text, "dim")], [(left("STATE", state_width(width)), "dim")], width)


def trend_room(width: int) -> int:
    """The width in cells of the validation trend on a wide screen; 0 where there is no room."""
    left_over = width - CURSOR - sum(columns(width).values()) - STATE - TIME
    return min(left_over - 2, 40) if left_over >= 14 else 0
