"""Old names and values of options, still accepted in earlier runs, commands and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def formerly(*names: str, **words: str) -> dict[str, Any]:
    """Extra schema of a renamed field: `Field(..., json_schema_extra=formerly("colour", grey="gray"))`. `names` are the
    field's old names, `words` maps old values to new ones.
    """
    return {"formerly": {"names": list(names), "words": words}}


def with_new_names(given: Mapping[str, Any], renamed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options under their current names and values; `renamed` holds the `formerly` entry of each field, by its
    name.
    """
    values = dict(given)
    for name, before in renamed.items():
        for old in before.get("names", ()):
            if old in values:
                values.setdefault(name, values.pop(old))
                values.pop(old, None)
        if isinstance(word := values.get(name), str):
            values[name] = before.get("words", {}).get(word, word)
    return values
