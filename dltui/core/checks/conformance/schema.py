"""Checks that a model's hyperparameters have descriptions and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.catalog.schema import field_specs, settled
from dltui.core.checks.conformance.subject import CheckFailed, Subject, expect
from dltui.core.errors import PluginError
from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.catalog.fields import FieldSpec


def sound(subject: Subject) -> str:
    """Check that every field has a description, numbers have two bounds, and the defaults pass the class's own
    checks.
    """
    config = subject.model.config
    fields = field_specs(config)
    expect(bool(subject.model.summary.strip()), 'the model has no summary; one line like "a convolutional network"')
    for field in fields:
        expect(bool(field.description), f'{field.name} has no description; Field(..., description="what it does")')
        bounds = "list[Annotated[int, Field(ge=1, le=100)]]" if field.type == "numbers" else "Field(..., ge=1, le=100)"
        expect(_bounded(field), f"{field.name} has no lower or no upper bound; {bounds}")
    try:
        settled(config, {field.name: field.default for field in fields})
    except PluginError as error:
        raise CheckFailed(f"the defaults are refused by the Config's own checks: {error}") from None
    bare = _without_unit(subject)
    hint = f"; without a unit: {', '.join(bare)} (json_schema_extra={{'unit': ...}})" if bare else ""
    return f"{plural(len(fields), 'field')}{hint}"


def _bounded(field: FieldSpec) -> bool:
    if field.type not in ("int", "float", "numbers"):
        return True
    low = field.minimum is not None or field.exclusive_minimum is not None
    return low and (field.maximum is not None or field.exclusive_maximum is not None)


def _without_unit(subject: Subject) -> list[str]:
    """The numeric fields without a unit; the unit may be ""."""
    numbers = {field.name for field in field_specs(subject.model.config) if field.type in ("int", "float", "numbers")}
    extras = {name: info.json_schema_extra for name, info in subject.model.config.model_fields.items()}
    return [
        name for name, extra in extras.items() if name in numbers and not (isinstance(extra, dict) and "unit" in extra)
    ]
