"""Old names and values of options, still accepted in earlier runs, commands and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def formerly(*names: str, **words: str) -> dict[str, Any]:
    """Extra schema of a renamed field: `Field(..., json_schema_extra=formerly("colour", grey="gray"))`. `names` are the
    field's old names, `words` maps old values to new ones.
    """
    return {"formerly": {"names": list(names), "words": words}}


DATASET_OPTIONS = {"folder": {"color": formerly("colour", grey="gray", colour="color")}}
"""The renamed options of built-in datasets, by dataset plugin, for readers of runs, which do not import plugins."""


def with_new_options(run: dict[str, Any]) -> dict[str, Any]:
    """The content of run.json with the options of a built-in dataset under their current names and values."""
    options = run.get("dataset_options")
    fields = DATASET_OPTIONS.get(str(run.get("dataset_plugin") or run.get("dataset")))
    if not fields or not isinstance(options, dict):
        return run
    renamed = {name: extra["formerly"] for name, extra in fields.items()}
    return {**run, "dataset_options": with_new_names(options, renamed)}


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
