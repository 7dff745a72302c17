"""The JSON schema of `dltui.toml` and of the settings file, for editors and for programs that write one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.lifecycle.forms.presets import OPTIONS, PROJECT_FILE, TABLE

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.catalog.fields import FieldSpec

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
OPTION_TEXTS = {
    "dataset": "what to train on",
    "data_dir": "folder that holds the dataset's files",
    "device": "auto, cpu, cuda, cuda:N or mps",
    "exports": "figures go to this folder, one folder a run",
    "format": "formats of the figures, separated by commas",
}
_TEXT: Schema = {"type": "string"}
_WORD: Schema = {**_TEXT, "pattern": "\\S"}
"""A text that is not blank."""
OTHERS: dict[str, Schema] = {
    "frameworks": {
        "type": "object",
        "description": "the interpreters of frameworks",
        "additionalProperties": {
            "type": "object",
            "properties": {"python": {"type": "string", "description": "the path of its Python"}},
            "required": ["python"],
            "additionalProperties": False,
        },
    },
    "hosts": {
        "type": "object",
        "description": "other machines, by the name that `ssh` takes",
        "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"},
        "additionalProperties": {
            "type": "object",
            "properties": {
                "ssh": {**_WORD, "description": "where ssh leads, if not to the name of the table"},
                "dltui": {**_WORD, "description": "dltui as it is typed in a shell there"},
                "command": {**_WORD, "description": "what leads to a `dltui serve-stdio`, in place of ssh"},
            },
            "additionalProperties": False,
        },
    },
    "forms": {
        "type": "object",
        "description": "filled forms of a new run, saved with W",
        "additionalProperties": {
            "type": "object",
            "properties": {
                "model": _TEXT,
                "dataset": _TEXT,
                "device": _TEXT,
                "values": {"type": "object", "additionalProperties": _TEXT},
            },
            "required": ["model", "dataset"],
        },
    },
    "plugins": {
        "type": "object",
        "properties": {"third_party": {"type": "boolean", "description": "plugins that do not ship in the box"}},
    },
    "cost": {
        "type": "object",
        "description": "prices, for what a run has cost",
        "properties": {
            "price_per_hour": {"type": "number", "minimum": 0},
            "price_per_kwh": {"type": "number", "minimum": 0},
            "currency": {"type": "string"},
        },
    },
}
"""The tables of the settings file that core reads, besides [train]."""


def schema(catalog: Catalog, screen: Mapping[str, Iterable[str]] | None = None) -> Schema:
    """The schema of `dltui.toml`; with `screen`, the words of each setting of the screen, that of the settings file."""
    made = _Made(catalog)
    tables: dict[str, Schema] = {TABLE: made.train()}
    title, name = f"{PROJECT_FILE} of a working folder", "project"
    if screen is not None:
        words = {key: {"enum": list(values)} for key, values in screen.items()}
        tables |= {**OTHERS, "screen": {"type": "object", "properties": words}}
        title, name = "The settings file of dltui", "settings"
    return {
        "$schema": DRAFT,
        "$id": f"urn:dltui:{name}",
        "title": title,
        "type": "object",
        "properties": tables,
        "additionalProperties": False,
        "$defs": dict(sorted(made.definitions.items())),
    }


class _Made:
    """Collects the schemas of fields; equal ones of many models are one."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.definitions: dict[str, Schema] = {}

    def train(self) -> Schema:
        """The table [train]: what any model takes, and a table for each model."""
        models = [*self.catalog.models.values(), *(family.model for family in self.catalog.families.values())]
        fields: dict[str, list[FieldSpec]] = {}
        for model in models:
            for spec in model.fields:
                fields.setdefault(spec.name, []).append(spec)
        shared = {name: self._any_of(specs) for name, specs in fields.items()}
        own: dict[str, Schema] = {}
        for model in self.catalog.models.values():
            table = {spec.name: self._field(spec) for spec in model.fields}
            own[model.id] = self._table(table)
        names: dict[str, dict[str, list[FieldSpec]]] = {}
        for model in self.catalog.models.values():
            mine = names.setdefault(model.name, {})
            for spec in model.fields:
                mine.setdefault(spec.name, []).append(spec)
        for name, found in names.items():
            own.setdefault(name, self._table({key: self._any_of(specs) for key, specs in found.items()}))
        members = {
            f"^{family.name}:": self._table({spec.name: self._field(spec) for spec in family.model.fields})
            for family in self.catalog.families.values()
        }
        whole = self._table(shared | own)
        return {**whole, "patternProperties": members} if members else whole

    def _table(self, properties: Mapping[str, Schema]) -> Schema:
        options = {spec.name: self._named(spec.name, _option(spec.name)) for spec in OPTIONS}
        return {"type": "object", "properties": {**options, **properties}, "additionalProperties": False}

    def _any_of(self, specs: Iterable[FieldSpec]) -> Schema:
        found = {json.dumps(self._field(spec)): self._field(spec) for spec in specs}
        return next(iter(found.values())) if len(found) == 1 else {"anyOf": list(found.values())}

    def _field(self, spec: FieldSpec) -> Schema:
        return self._named(spec.name, field(spec))

    def _named(self, name: str, made: Schema) -> Schema:
        """A reference to the definition of this schema, whose name is that of the field, with a number if need be."""
        number, key = 1, name
        while self.definitions.setdefault(key, made) != made:
            number += 1
            key = f"{name}-{number}"
        return {"$ref": f"#/$defs/{key}"}


def _option(name: str) -> Schema:
    """The schema of an option of training; formats may be a list."""
    text: Schema = {"type": "string"}
    value = {"anyOf": [text, {"type": "array", "items": text}]} if name == "format" else text
    return {**value, "description": OPTION_TEXTS[name]}


def field(spec: FieldSpec) -> Schema:
    """The schema of a hyperparameter; every value may also be the text that a flag takes."""
    about: Schema = {"description": spec.description} if spec.description else {}
    if spec.type == "choice":
        return {"enum": list(dict.fromkeys((*spec.choice_values, *spec.choices))), **about}
    if spec.type == "str":
        return {"type": "string", **about}
    value: Schema = {"type": TYPES.get(spec.type, "integer" if spec.whole else "number"), **_bounds(spec)}
    if spec.type == "numbers":
        value = {"type": "array", "items": value}
        value |= {"minItems": spec.min_items} if spec.min_items else {}
        value |= {"maxItems": spec.max_items} if spec.max_items is not None else {}
    return {"anyOf": [value, {"type": "string"}], **about}


def _bounds(spec: FieldSpec) -> Schema:
    bounds = {
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "exclusiveMinimum": spec.exclusive_minimum,
        "exclusiveMaximum": spec.exclusive_maximum,
    }
    return {name: value for name, value in bounds.items() if value is not None}
