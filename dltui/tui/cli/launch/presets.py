"""Fills in missing options from the environment and the settings files, and reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dltui.core.catalog.fields import flag_words
from dltui.core.lifecycle.forms.presets import OPTIONS, Preset, load_presets
from dltui.core.numbers import exact

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry

PARAMETERS = {"format": "formats"}
"""Train options whose parameter has another name."""


def fill_in(
    context: click.Context, model: ModelEntry, catalog: Catalog, config: dict[str, Any], options: dict[str, Any]
) -> list[Preset]:
    """Put presets into `config` and `options` where no flag was given; returns those that were used."""
    presets = load_presets().of(model, catalog)
    if options.get("dry_run"):
        # It writes to a temporary place.
        presets.pop("exports", None)
    used = []
    own = {spec.name for spec in OPTIONS}
    for name, preset in presets.items():
        if name in own:
            parameter = PARAMETERS.get(name, name)
            if context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE:
                continue
            options[parameter] = preset.value
        elif name in config:
            continue
        else:
            config[name] = preset.value
        used.append(preset)
    return used


def flags(used: list[Preset]) -> tuple[str, ...]:
    """The presets as flags, so that the recorded command gives the same run without the presets."""
    return tuple(word for preset in used for word in flag_words(preset.name, preset.value))


def lines(used: list[Preset]) -> list[str]:
    """The used presets, a line per place: `dltui.toml [train]: lr 0.05, device cpu`."""
    places: dict[str, list[str]] = {}
    for preset in used:
        places.setdefault(preset.origin, []).append(f"{preset.name.replace('_', ' ')} {exact(preset.value)}")
    return [f"{origin}: {', '.join(values)}" for origin, values in places.items()]
