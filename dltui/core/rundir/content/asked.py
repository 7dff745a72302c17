"""The types of the fields of run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dltui.core.rundir.content.json_types import (
    DEVICE,
    NUMBER,
    OBJECT,
    OBJECT_OR_NONE,
    OBJECTS,
    OPTIONS,
    TEXT,
    TEXT_OR_NONE,
    TEXTS,
    Fields,
    are_options,
    is_flag,
    is_number,
    wrong,
)

_FIELDS: Fields = {
    **dict.fromkeys(("id", "name", "model", "model_name", "framework", "task", "dataset", "dataset_plugin"), TEXT),
    **dict.fromkeys(("exports", "dltui", "cwd", "created_text"), TEXT),
    **dict.fromkeys(("parent", "group", "share", "data_dir", "python"), TEXT_OR_NONE),
    **dict.fromkeys(("model_source", "backend_source", "dataset_source", "birth", "device"), OBJECT),
    **dict.fromkeys(("fork", "twin", "sweep", "launcher", "dropped"), OBJECT_OR_NONE),
    **dict.fromkeys(("command", "plugins", "formats", "notes", "data_dirs", "takes"), TEXTS),
    "config": (lambda value: are_options(value) and is_number(value.get("epochs", 0)), "object of hyperparameters"),
    **dict.fromkeys(("defaults", "dataset_options"), OPTIONS),
    "loggers": OBJECTS,
    "created": NUMBER,
    # A list shows one that is infinite as none.
    "seed": (lambda value: isinstance(value, float) or is_number(value), "number"),
    **dict.fromkeys(("dry_run", "draws"), (is_flag, "flag")),
}


def fault(content: Mapping[str, Any]) -> str:
    """What is wrong with the fields of a run.json, as "config is no object of hyperparameters"; "" for nothing."""
    for name, kind in wrong(content, _FIELDS):
        return f"{name} is no {kind}"
    for name, kind in wrong(content.get("device", {}), DEVICE):
        return f"device.{name} is no {kind}"
    return ""
