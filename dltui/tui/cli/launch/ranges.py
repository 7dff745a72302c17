"""Options that take ranges: `--lr 0.01..0.3:log`, `--batch-size 64,256`, `--vary nesterov=yes,no`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dltui.core.analysis.trials import space
from dltui.core.analysis.trials.space import Dimension
from dltui.core.errors import UsageError
from dltui.core.text import clean_line, suggest
from dltui.tui.cli.options import FieldOption

if TYPE_CHECKING:
    from dltui.core.catalog.entries import ModelEntry
    from dltui.core.catalog.fields import FieldSpec


class RangeType(click.ParamType):  # type: ignore[type-arg]
    """A value of a field, or a range of them."""

    def __init__(self, field: FieldSpec) -> None:
        self.field = field
        self.name = field.type

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        return space.parse(self.field, value) if space.is_range(self.field, value) else self.field.parse(value)


class RangeOption(FieldOption):
    """The option of a hyperparameter that may vary."""

    def __init__(self, field: FieldSpec, finds: bool = False) -> None:
        super().__init__(field, False)
        if field.type != "bool":
            self.type = RangeType(field)


def split(
    given: Mapping[str, Any], vary: Sequence[str], model: ModelEntry
) -> tuple[tuple[Dimension, ...], dict[str, Any]]:
    """What varies, and the values that all trials share. Raises UsageError."""
    found = [value for value in given.values() if isinstance(value, Dimension)]
    fixed = {name: value for name, value in given.items() if value is not None and not isinstance(value, Dimension)}
    for pair in vary:
        dimension = _varied(pair, model)
        if dimension.name in fixed or dimension.name in {one.name for one in found}:
            raise UsageError(f"{dimension.name} is given twice")
        found.append(dimension)
    return tuple(found), fixed


def _varied(pair: str, model: ModelEntry) -> Dimension:
    key, equals, text = pair.partition("=")
    name = key.strip().replace("-", "_")
    field = model.field(name)
    if not equals or field is None:
        hint = suggest(name, [one.name for one in model.fields]) or f"{model.id} has no such hyperparameter"
        raise UsageError(f"--vary wants NAME=RANGE, got {clean_line(pair, 80)}; {hint}")
    return space.parse(field, text)
