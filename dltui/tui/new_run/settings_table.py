"""The settings of the new-run form as rows: value, default, range, description."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dltui.core.numbers import exact
from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, cells, cut_words, ends, fit, left, on, window
from dltui.tui.new_run.choices import hidden_rows
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec
    from dltui.tui.base.line_edit import LineEdit
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.setting import Setting
    from dltui.tui.new_run.suited.values import SuitedValue

NAME, VALUE, DEFAULT, ALLOWED = 22, 16, 12, 14
# Narrower screens show the unit; what the chosen row does is on the notice row.
WIDE = 100
# Narrower ones leave out what is allowed, and then the default.
WITH_ALLOWED, WITH_DEFAULT = 66, 52


class Sizes(NamedTuple):
    """The widths of the columns; 0 for one that is left out."""

    name: int
    value: int
    default: int
    allowed: int


def sizes(width: int) -> Sizes:
    """The columns for a screen of this width."""
    if width < WITH_DEFAULT:
        return Sizes(min(NAME, width // 2), width - min(NAME, width // 2), 0, 0)
    return Sizes(NAME, VALUE + min(max(width - 100, 0) // 8, 14), DEFAULT, ALLOWED if width >= WITH_ALLOWED else 0)


def shown(form: RunForm, chosen: int, height: int) -> range:
    """The settings that are visible in a table of this height."""
    return window(len(form.settings()), chosen, height - 1)


def settings(form: RunForm, chosen: int, edit: LineEdit | None, width: int, height: int, focused: bool) -> list[Row]:
    """The header and as many rows as fit, including the chosen row."""
    entries = form.settings()
    visible = shown(form, chosen, height)
    heading = "accent bold" if focused else "dim"
    size = sizes(width)
    last = "what it does" if width >= WIDE else ""
    head = f"{left('value', size.value)}{left('default', size.default)}{left('allowed', size.allowed)}{last}"
    hidden = f"{hidden_rows(visible, len(entries), width - size.name - len(head.rstrip()) - 2)} "
    if size.name + len(head) + len(hidden) > width:
        head = head.rstrip()
    suited = values.of(form)
    rows: list[Row] = [ends([(left(" SETTINGS", size.name), heading), (head, "dim")], [(hidden, "faint")], width)]
    for number in visible:
        picked = number == chosen
        found = suited.get(entries[number].key)
        row = _row(form, entries[number], found, edit if picked else None, picked, focused, size, width)
        row = fit(row, width)
        rows.append(on(row, "selected" if focused else "unfocused") if picked else row)
    return rows


def _row(
    form: RunForm,
    setting: Setting,
    suited: SuitedValue | None,
    edit: LineEdit | None,
    picked: bool,
    focused: bool,
    size: Sizes,
    width: int,
) -> Row:
    spec, text = setting.spec, suited.text if suited else form.text(setting)
    changed = setting.key in form.typed
    problem = form.problem(setting, edit.text if edit is not None else None)
    sign = " › " if picked else "   "
    row: Row = [
        (sign, "accent bold" if focused else "dim"),
        (left(safe(setting.label), size.name - 3), "bold" if picked else ""),
    ]
    style = "bad bold" if problem else "bold" if changed else ""
    if edit is not None:
        row += fit(edit.row(style or "bold", size.value - 2), size.value)
    elif picked and focused and (spec.type in ("choice", "bool")):
        row.append((left(f"< {text} >", size.value), style or "accent"))
    else:
        row.append(
            (
                left(safe(text) or "(auto)" if spec.name == "name" else safe(text) or "-", size.value - 1) + " ",
                style or ("dim" if suited or not text else ""),
            )
        )
    if size.default:
        row.append((left(safe(exact(spec.default)) or "-", size.default - 1) + " ", "faint"))
    if size.allowed:
        row.append((left(allowed(spec), size.allowed - 1) + " ", "bad" if problem else "dim"))
    told = suited.reason if suited else safe(spec.description)
    last = cut_words(told, width - cells(row) - 1) if width >= WIDE else safe(spec.unit)
    return [*row, (last, "dim")]


def allowed(spec: FieldSpec) -> str:
    """The range in a few letters: `1..10000`, `>0..10`, `3 choices`."""
    if spec.type == "choice":
        return f"{len(spec.choices)} choices" if len(spec.choices) > 1 else spec.choices[0]
    if spec.type == "bool":
        return "yes or no"
    if spec.name == "name" and spec.type == "str":
        return "A-Za-z0-9._-"
    low = f">{_number(spec.exclusive_minimum)}" if spec.exclusive_minimum is not None else _number(spec.minimum)
    high = f"<{_number(spec.exclusive_maximum)}" if spec.exclusive_maximum is not None else _number(spec.maximum)
    if spec.type == "numbers":
        return f"list, from {low}" if low else "list"
    if low and high:
        return f"{low}..{high}"
    return f"from {low}" if low else f"to {high}" if high else ""


def _number(bound: float | None) -> str:
    if bound is None:
        return ""
    # Beyond a million the exact bound says nothing.
    if abs(bound) >= 1e6:
        return f"{bound:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{bound:g}" if abs(bound) < 1e5 else f"{bound:.0f}"
