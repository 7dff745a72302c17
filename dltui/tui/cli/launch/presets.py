"""Fills in missing options from the environment and the settings files, and reports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dltui.core.catalog.fields import FIT, flag_words
from dltui.core.lifecycle.forms.presets import OPTIONS, Preset, load_presets
from dltui.core.numbers import exact

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry

PARAMETERS = {"format": "formats"}
"""Train options whose parameter has another name."""


def fill_in(
    context: click.Context, model: ModelEntry, catalog: Catalog, config: dict[str, Any], options: dict[str, Any]
) -> list[Preset]:
    """Put presets into `config` and `options` where no flag was given; returns those that were used. Raises
    UsageError.
    """
    return fill(load_presets().of(model, catalog), config, options, typed_in(context))


def typed_in(context: click.Context) -> Callable[[str], bool]:
    """Tells whether a train option was typed."""
    return lambda name: context.get_parameter_source(PARAMETERS.get(name, name)) is ParameterSource.COMMANDLINE


def fill(
    presets: Mapping[str, Preset], config: dict[str, Any], options: dict[str, Any], given: Callable[[str], bool]
) -> list[Preset]:
    """Put presets into `config`, and into `options` those of options that were not `given`; returns those that were
    used.
    """
    used = []
    own = {spec.name for spec in OPTIONS}
    for name, preset in presets.items():
        # A dry run writes to a temporary place; a series has seeds of its own.
        if (name == "exports" and options.get("dry_run")) or (name == "seed" and options.get("seeds") is not None):
            continue
        if given(name) if name in own else name in config:
            continue
        (options if name in own else config)[PARAMETERS.get(name, name)] = preset.value
        used.append(preset)
    return used


def shared(models: Sequence[ModelEntry], catalog: Catalog) -> tuple[dict[str, Preset], list[Preset]]:
    """The presets by which all of these models train alike, and the others. Raises UsageError."""
    loaded = load_presets()
    found = [loaded.of(model, catalog) for model in models]
    values = {name: [presets[name].value if name in presets else None for presets in found] for name in found[0]}
    # A value that is to be found is another one for each.
    same = {name for name, given in values.items() if given[0] != FIT and given.count(given[0]) == len(given)}
    apart = [preset for presets in found for name, preset in presets.items() if name not in same]
    return {name: preset for name, preset in found[0].items() if name in same}, apart


def flags(used: list[Preset]) -> tuple[str, ...]:
    """The presets as flags, so that the recorded command gives the same run without the presets."""
    return tuple(word for preset in used for word in flag_words(preset.name, preset.value))


def lines(used: list[Preset]) -> list[str]:
    """The used presets, a line per place: `dltui.toml [train]: lr 0.05, device cpu`."""
    places: dict[str, list[str]] = {}
    for preset in used:
        places.setdefault(preset.origin, []).append(f"{preset.name.replace('_', ' ')} {exact(preset.value)}")
    return [f"{origin}: {', '.join(values)}" for origin, values in places.items()]
