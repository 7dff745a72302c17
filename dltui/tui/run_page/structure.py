"""The Structure tab: the layers of a model as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.contract.inputs import Input
from dltui.core.inputs import kinds
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, fit, left, right
from dltui.tui.run_page.tab import Tab

if TYPE_CHECKING:
    from dltui.core.rundir.events import AttemptStarted


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
    rows: list[Row] = [
        [
            (" structure ", "heading"),
            (f" {plural(attempt.parameters, 'parameter')}, input {_input(attempt.dataset)}", ""),
        ],
        [(f"   {left('LAYER', 16)}{left('KIND', 22)}{left('OUTPUT', 16)}{right('PARAMETERS', 12)}", "dim")],
    ]
    for layer in attempt.layers[first : first + height - 2]:
        rows.append(
            [
                (f"   {left(safe(layer.get('name', '')), 16)}", ""),
                (left(safe(layer.get("kind", "")), 22), "dim"),
                (left(_shape(layer.get("output")), 16), ""),
                (right(f"{int(layer.get('parameters') or 0):,}", 12), "bold" if layer.get("parameters") else "faint"),
            ]
        )
    return [fit(row, width) for row in rows]


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
