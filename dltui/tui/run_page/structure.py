"""The Structure tab: the layers of a model as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.contract.inputs import Input
from dltui.core.inputs import kinds
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, cells, fit, left, right
from dltui.tui.run_page.tab import Tab

if TYPE_CHECKING:
    from dltui.core.rundir.events import AttemptStarted


WHOLE = 69
LEAST_KIND = 14


class StructureTab(Tab):
    """A tab that scrolls by layers."""

    name = "Structure"

    def rows(self, width: int, height: int) -> list[Row]:
        view = self.run.shown
        return structure(view.history.attempt, width, height, self.at) if view is not None else []

    def length(self) -> int:
        attempt = self.run.shown.history.attempt if self.run.shown is not None else None
        return max(len(attempt.layers) - 1, 0) if attempt is not None else 0


def structure(attempt: AttemptStarted | None, width: int, height: int, first: int) -> list[Row]:
    """A row per layer: name, kind, output shape, parameters."""
    if attempt is None:
        return [[], [("  the layers are known when the model has been built", "dim")]]
    sizes = _sizes(width)
    title: Row = [(" structure ", "heading"), (f" {plural(attempt.parameters, 'parameter')}", "")]
    takes: Row = [(f", input {_input(attempt.dataset)}", "")]
    heads = ("LAYER", "KIND", "OUTPUT")
    rows: list[Row] = [[*title, *takes] if cells(title + takes) <= width else title]
    head = "".join(left(text, size) for text, size in zip(heads, sizes, strict=False))
    rows.append([(f"   {head}{right('PARAMETERS', sizes[3])}", "dim")])
    for layer in attempt.layers[first : first + height - 2]:
        count = int(layer.get("parameters") or 0)
        rows.append(
            [
                (f"   {left(safe(layer.get('name', '')), sizes[0] - 1)} ", ""),
                (left(safe(layer.get("kind", "")), sizes[1]), "dim"),
                (left(_shape(layer.get("output")), sizes[2]), ""),
                (right(f"{count:,}", sizes[3]), "bold" if count else "faint"),
            ]
        )
    return [fit(row, width) for row in rows]


def _sizes(width: int) -> tuple[int, int, int, int]:
    """The widths of the columns; a narrow screen has no room for the kinds."""
    if width >= WHOLE:
        return 16, 22, 16, 12
    rest = width - 4 - 14 - 11
    name = min(max(rest - LEAST_KIND, rest // 2 + 1), 16) if rest >= 2 * LEAST_KIND else rest
    return name, rest - name, 14, 11


def _input(dataset: Mapping[str, Any]) -> str:
    """The shape of a sample, or its named inputs with theirs."""
    named = dataset.get("named_inputs")
    if not named:
        return _shape(dataset.get("input_shape"))
    try:
        return safe(kinds.label([Input.from_json(one) for one in named]))
    except (TypeError, AttributeError):
        # Of a damaged run.
        return "-"


def _shape(shape: object) -> str:
    return " × ".join(safe(number) for number in shape) if isinstance(shape, (list, tuple)) else "-"
