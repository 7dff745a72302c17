"""Reads the fields of a pydantic class into `FieldSpec`s, where plugins are loaded and pydantic is there anyway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import PluginError, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    C = TypeVar("C", bound=BaseModel)

TYPES = {"boolean": "bool", "integer": "int", "number": "float", "string": "str"}
BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
}
PLAIN = {"title", "description", "default", "type", "unit", "formerly", "enum", "const", *BOUNDS}
LISTS = {"items", "prefixItems", "minItems", "maxItems"}
ALLOWED = "bool, int, float, str, Literal and lists of numbers are possible"


@lru_cache(maxsize=1)
def _json_schema(config: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema, kept for the next question about the same class: making it takes longest of all."""
    return config.model_json_schema(by_alias=False)


def field_specs(config: type[BaseModel]) -> list[FieldSpec]:
    """The fields in the order of their declaration. Raises PluginError for a type that no flag or form can show."""
    schema = _json_schema(config)
    definitions = schema.get("$defs", {})
    fields = []
    for name, info in config.model_fields.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise PluginError(f"{config.__name__}.{name}: a field's name is made of a-z, 0-9 and _")
        if info.alias is not None or info.validation_alias is not None:
            raise PluginError(f"{config.__name__}.{name} has an alias; name the field itself so, without one")
        if info.is_required():
            raise PluginError(f"{config.__name__}.{name} needs a default")
        record = _resolve(schema["properties"][name], definitions)
        field = _field(config.__name__, name, record)
        _check_choices(config, field)
        _check_kind(config, field)
        default = info.get_default(call_default_factory=True, validated_data={})
        default = list(default) if isinstance(default, (list, tuple)) else default
        fields.append(_with_default(config.__name__, field, getattr(default, "value", default)))
    return fields


def _check_choices(config: type[BaseModel], field: FieldSpec) -> None:
    """Check that a field that a base class offers as a choice is still one. Raises PluginError for a plain text, which
    would take a name that nothing knows.
    """
    for base in config.__mro__[1:]:
        info = getattr(base, "model_fields", {}).get(field.name)
        if info is None or field.type == "choice" or get_origin(info.annotation) is not Literal:
            continue
        wanted = ", ".join(f'"{value}"' for value in get_args(info.annotation))
        text = f"its type is Literal[{wanted}], or some of these"
        raise PluginError(f"{config.__name__}.{field.name} takes any {field.type}; {text}")


def _check_kind(config: type[BaseModel], field: FieldSpec) -> None:
    """Check that a field of TrainConfig or DatasetOptions keeps its kind of value, on which all code relies that reads
    it. Raises PluginError.
    """
    from dltui.core.contract.config import DatasetOptions, TrainConfig

    shared = next((base for base in (TrainConfig, DatasetOptions) if issubclass(config, base)), None)
    info = shared.model_fields.get(field.name) if shared else None
    if info is None:
        return
    literals = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    wanted = type(literals[0]) if literals else info.annotation
    given = {type(value).__name__ for value in field.choice_values} if field.type == "choice" else {field.type}
    wanted_name = str(getattr(wanted, "__name__", wanted))
    if given - {wanted_name} - ({"int"} if wanted is float else set()):
        told = f"is a shared field of type {wanted_name}; keep its type, or choose another name"
        raise PluginError(f"{config.__name__}.{field.name} {told}")


def checks_more(config: type[BaseModel]) -> bool:
    """True if the class refuses values that its `FieldSpec`s allow, so that it has to be asked."""
    from dltui.core.contract.config import Options

    decorators = config.__pydantic_decorators__
    own = decorators.model_validators.keys() - Options.__pydantic_decorators__.model_validators.keys()
    if decorators.validators or decorators.field_validators or own:
        return True
    if decorators.root_validators or any(hasattr(m, "func") for f in config.model_fields.values() for m in f.metadata):
        return True
    schema = _json_schema(config)
    records = [_resolve(record, schema.get("$defs", {})) for record in schema.get("properties", {}).values()]
    return any(not (PLAIN | LISTS).issuperset(record) or _items_differ(record) for record in records)


def _items_differ(record: dict[str, Any]) -> bool:
    """True if the items of a list have rules that a single pair of bounds cannot express."""
    items = record.get("prefixItems") or [record.get("items", {})]
    return any(item != items[0] or not PLAIN.issuperset(item) for item in items)


def validated(config: type[C], values: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> C:
    """The object of a pydantic class with these values. Raises PluginError in one line where it refuses them."""
    from pydantic import ValidationError

    try:
        return config.model_validate(dict(values), context=context)
    except ValidationError as error:
        raise PluginError(one_line(error, field_specs(config))) from None


def settled(
    config: type[BaseModel], values: Mapping[str, Any], context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All fields as JSON holds them, as the class makes them of these values; without its computed fields, which it
    does not take. Raises PluginError where it refuses them, and for validators that would change them again: whoever
    loads them validates them anew.
    """
    made = _plain(validated(config, values, context))
    try:
        again = _plain(validated(config, made))
    except PluginError as error:
        raise PluginError(f"{config.__name__} refuses what its validators have made: {error}") from None
    changed = [name for name in made if again[name] != made[name]]
    if changed:
        names = " and ".join(changed)
        text = f"the validators of {config.__name__} change {names} again each time they are asked"
        raise PluginError(f"{text}; let them leave alone what they have made")
    return made


def _plain(values: BaseModel) -> dict[str, Any]:
    return values.model_dump(mode="json", include=set(type(values).model_fields))


def one_line(error: ValidationError, fields: list[FieldSpec]) -> str:
    """A one-line message for an invalid config, naming options as the flags do."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return f"there is no option {name!r}; there are {', '.join(field.name for field in fields)}"
    for field in fields:
        if field.name == name:
            try:
                field.check(first["input"])
            except UsageError as refusal:
                return str(refusal)
    text = str(first["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ").split("\n", 1)[0]
    return f"{name}: {text}" if name and not text.startswith(name) else text


def _resolve(record: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A field's record with its reference (an enum class) resolved; entries beside the reference win."""
    reference = record.get("$ref") or (record.get("allOf") or [{}])[0].get("$ref")
    if reference is None:
        return record
    target = definitions[reference.rsplit("/", 1)[-1]]
    beside = {key: value for key, value in record.items() if key not in ("$ref", "allOf")}
    return {**target, **beside}


def _field(owner: str, name: str, record: dict[str, Any]) -> FieldSpec:
    common: dict[str, Any] = {
        "name": name,
        "default": None,
        "description": " ".join(str(record.get("description", "")).split()),
        "unit": str(record.get("unit", "")),
        "formerly": record.get("formerly", {}),
    }
    values = record.get("enum") or ([record["const"]] if "const" in record else [])
    if values and all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in values):
        return FieldSpec(type="choice", choices=tuple(str(v) for v in values), choice_values=tuple(values), **common)
    if record.get("type") == "array":
        return _numbers(owner, name, record, common)
    kind = TYPES.get(record.get("type", "")) if not values else None
    if kind is None:
        raise PluginError(f"{owner}.{name} has a type that no form can show; {ALLOWED}")
    return FieldSpec(type=kind, **common, **_bounds(record))  # type: ignore[arg-type]


def _numbers(owner: str, name: str, record: dict[str, Any], common: dict[str, Any]) -> FieldSpec:
    if not (PLAIN | LISTS).issuperset(record) or BOUNDS.keys() & record.keys():
        kind = "int" if (record.get("items") or {}).get("type") == "integer" else "float"
        raise PluginError(
            f"{owner}.{name}: the bounds of a list are those of its items: list[Annotated[{kind}, Field(ge=1, le=100)]]"
        )
    items = record.get("items") or (record.get("prefixItems") or [{}])[0]
    if items.get("type") not in ("integer", "number"):
        raise PluginError(f"{owner}.{name} is a list of something else than numbers; {ALLOWED}")
    return FieldSpec(
        type="numbers",
        whole=items["type"] == "integer",
        min_items=record.get("minItems", 0),
        max_items=record.get("maxItems"),
        **common,
        **_bounds(items),
    )


def _bounds(record: dict[str, Any]) -> dict[str, Any]:
    return {ours: record[theirs] for theirs, ours in BOUNDS.items() if theirs in record}


def _with_default(owner: str, field: FieldSpec, default: Any) -> FieldSpec:
    try:
        return replace(field, default=field.check(default))
    except UsageError as error:
        raise PluginError(f"the default of {owner}.{field.name} is not allowed: {error}") from None
