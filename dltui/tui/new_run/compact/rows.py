"""The form of a new run in a small terminal: what is chosen in one row, below it the part that has the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, cut, cut_left, fit, rule
from dltui.tui.draw.styled_text import width as cells_of
from dltui.tui.draw.wording import framework
from dltui.tui.new_run.state import GROUPS

if TYPE_CHECKING:
    from dltui.tui.new_run.form import RunForm

WHOLE = (72, 21)
"""The smallest size that shows all parts at once."""
LIST = 7
"""Rows of the choices, from which on what is chosen is explained below the list."""
MOST_ABOUT = 7
Draw = Callable[[int, int], list[Row]]


def is_small(width: int, height: int) -> bool:
    """True for a screen that shows one part at a time."""
    return width < WHOLE[0] or height < WHOLE[1]


def list_height(group: str, height: int) -> int:
    """The rows of the list below the row of choices: all for the settings, of which each says what it is."""
    rest = height - 1
    return rest if group == "settings" or rest < LIST + 3 else max(LIST, rest - MOST_ABOUT)


def rows(form: RunForm, group: str, draw: Draw, explain: Draw, width: int, height: int, plain: bool) -> list[Row]:
    """The row of choices, the list of the part `group`, which `draw` draws, and with more room what `explain` says."""
    tall = list_height(group, height)
    listed = draw(width, tall)[:tall]
    found = [chosen(form, group, width, plain), *listed, *([fit([], width)] * (tall - len(listed)))]
    rest = height - len(found)
    return [*found, rule(width), *explain(width, rest - 1)] if rest > 1 else found


def chosen(form: RunForm, group: str, width: int, plain: bool) -> Row:
    """What is chosen in each part: ` cnn PT  auto  fashion-mnist  settings`; the part with the cursor is marked."""
    model = f"{form.model_name} {framework(form.framework)}"
    texts = [safe(text) for text in (model, form.device, form.dataset_name)]
    texts.append("settings")
    # The longest gives way first; the end of a path tells more than its beginning.
    while sum(map(cells_of, texts)) > width - 2 * len(texts):
        at = max(range(len(texts)), key=lambda place: cells_of(texts[place]))
        shorten = cut_left if form.own is not None and form.dataset is form.own and GROUPS[at] == "dataset" else cut
        texts[at] = shorten(texts[at], cells_of(texts[at]) - 1)
        if not texts[at]:
            break
    row: Row = []
    # A span for each part: clicks are answered by them.
    for name, text in zip(GROUPS, texts, strict=True):
        marked = f"[{text}]" if plain else f" {text} "
        row.append((marked, "selected bold accent") if name == group else (f" {text} ", "dim"))
    return fit(row, width)


def part_at(row: Row, x: int) -> int | None:
    """The number of the part that stands at a column of the row of choices."""
    end = 0
    for number, (text, _) in enumerate(row[: len(GROUPS)]):
        end += cells_of(text)
        if x < end:
            return number
    return None
