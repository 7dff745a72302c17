"""`dltui models`: the models, and the hyperparameters and structure of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import DltuiError, UsageError
from dltui.core.text import clean_line, plural
from dltui.tui.cli import completion
from dltui.tui.cli.fields import say_fields
from dltui.tui.cli.output import say, say_json, say_table, warn
from dltui.tui.cli.output import table as lines_of
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry, ModelEntry
    from dltui.core.catalog.models.families import FamilyEntry


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@click.option(
    "--dataset", metavar="D", shell_complete=completion.datasets, help="show the structure for this dataset's shapes"
)
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="a .py file with a model; repeatable")
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def models(model: str | None, dataset: str | None, plugins: tuple[str, ...], as_json: bool) -> int:
    """List the models; with MODEL, its hyperparameters and its layers.

    FAMILY:PATTERN, such as timm:resnet*, lists the members of a family with their parameters, the size of their images
    and whether weights are at hand.
    """
    from pathlib import Path

    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog(plugins=[Path(path) for path in plugins])
    if model is None:
        if dataset is not None:
            raise UsageError("--dataset shows the structure of one model: dltui models MODEL --dataset D")
        if as_json:
            say_json([*map(as_object, catalog.models.values()), *map(family_object, catalog.families.values())])
        else:
            _list(catalog)
        for name, reason in catalog.problems:
            warn(f"plugin {name}: {reason}")
        return 0
    for name, reason in catalog.problems_of(plugins):
        warn(f"plugin {name}: {reason}")
    family, _, pattern = model.partition(":")
    if family in catalog.families and (not pattern or set(pattern) & set("*?[")):
        _members(catalog.families[family], pattern, as_json)
        return 0
    _one(catalog, catalog.model(model), dataset, as_json)
    return 0


def _members(family: FamilyEntry, pattern: str, as_json: bool) -> None:
    """List the members that fit a pattern. Counting parameters takes its time, so it is done for a short list alone."""
    from dltui.core.catalog.models import families

    if not family.model.available:
        raise UsageError(f"{family.name}: is not available: {family.model.reason}")
    found = families.fitting(family, pattern)
    if not found:
        raise UsageError(f'no member of {family.name} fits "{clean_line(pattern, 60)}"; dltui models {family.name}:')
    counted = len(found) <= families.MOST_COUNTED
    if counted:
        found = families.about(family, [member.name for member in found])
    if as_json:
        say_json([{**asdict(member), "id": f"{family.name}:{member.name}"} for member in found])
        return
    rows = [["MODEL", "PARAMETERS", "IMAGES", "WEIGHTS"]]
    for member in found:
        side = f"{member.image_size} px" if member.image_size else ""
        count = f"{member.parameters:,}" if member.parameters else ""
        rows.append([f"{family.name}:{member.name}", count, side, member.weights or "none"])
    say_table(rows, right=frozenset({1, 2}), style=lambda column, text: "" if column else "bold")
    if not counted:
        least = f"dltui models '{family.name}:{found[0].name[:4]}*'"
        warn(f"{len(found):,} models; parameters are counted for {families.MOST_COUNTED} at most, as in: {least}")


def _one(catalog: Catalog, entry: ModelEntry, dataset: str | None, as_json: bool) -> None:
    """Describe a model. If its structure cannot be shown the rest still is, unless a dataset was given."""
    from dltui.tui.cli.launch.start import choose_dataset

    chosen = choose_dataset(catalog, entry, dataset) if dataset else None
    if chosen is not None:
        # What is wrong with it is said before anything else.
        check(entry, chosen)
    if not as_json:
        _describe(entry, catalog)
    layers, problem = None, ""
    try:
        chosen = chosen or choose_dataset(catalog, entry, None)
        layers = layers_of(catalog, entry, chosen)
    except DltuiError as error:
        if dataset:
            raise
        problem = str(error)
    if as_json:
        say_json([as_object(entry) | {"layers": layers, "problem": problem}])
    elif layers is not None and chosen is not None:
        for line in ("", *table(layers, chosen)):
            say(line)
    elif entry.available:
        warn(f"its structure cannot be shown: {problem}")


def as_object(entry: ModelEntry) -> dict[str, Any]:
    """The object of `--json` for a model, without its source."""
    return {
        "id": entry.id,
        "name": entry.name,
        "framework": entry.framework,
        "task": entry.task,
        "tasks": list(entry.tasks),
        "family": False,
        "summary": entry.summary,
        "available": entry.available,
        "reason": entry.reason,
        "hyperparameters": [field.to_json() for field in entry.fields],
    }


def family_object(family: FamilyEntry) -> dict[str, Any]:
    """The object of `--json` for a family; its id stands for those of its members, which `dltui models NAME: --json`
    lists.
    """
    return as_object(family.model) | {"id": f"{family.name}:NAME", "name": family.name, "family": True}


def _list(catalog: Catalog) -> None:
    rows = [["MODEL", "FRAMEWORK", "TASK", ""]]
    for entry in catalog.models.values():
        note = entry.summary if entry.available else f"not available: {entry.reason}"
        rows.append([entry.id, wording.framework_title(entry.framework, catalog.backends), entry.task, note])
    for family in catalog.families.values():
        model = family.model
        note = f"{model.summary}; dltui models {family.name}:" if model.available else f"not available: {model.reason}"
        framework = wording.framework_title(model.framework, catalog.backends)
        rows.append([f"{family.name}:NAME", framework, model.task, note])
    say_table(rows, prose=True, style=lambda column, text: "" if column else "bold")


def _describe(entry: ModelEntry, catalog: Catalog) -> None:
    say(f"{entry.id}: {entry.summary}")
    framework = wording.framework_title(entry.framework, catalog.backends)
    say(f"{' or '.join(entry.tasks)}, {framework}{'' if entry.available else f'; not available: {entry.reason}'}")
    say_fields("HYPERPARAMETER", [(field.flag, field.default, field) for field in entry.fields])


def check(model: ModelEntry, dataset: DatasetEntry) -> None:
    """Raise UsageError when the model cannot be built for this dataset."""
    if not dataset.fits(*model.tasks):
        raise UsageError(f"{model.id} is for {model.task}, {dataset.name} for {dataset.task}; see dltui datasets")
    if not model.available:
        raise UsageError(f"{model.id} is not available: {model.reason}")
    if not dataset.input_shape:
        raise UsageError(f"the shapes of {dataset.name} are known only when it is read; name another --dataset")


def layers_of(catalog: Catalog, model: ModelEntry, dataset: DatasetEntry) -> list[dict[str, Any]]:
    """The layers for a dataset's shapes, with the default hyperparameters. Raises UsageError."""
    from dltui.core.catalog.questions import network_layers

    check(model, dataset)
    spec = {
        "task": model.task,
        "input_shape": list(dataset.input_shape),
        "outputs": dataset.classes or 1,
        "mean": [0.0] * dataset.input_shape[-1],
        "std": [1.0] * dataset.input_shape[-1],
    }
    return network_layers(model, catalog.backends[model.framework], {}, spec)


def table(layers: Sequence[dict[str, Any]], dataset: DatasetEntry) -> list[str]:
    """A line per layer, and a heading that names the dataset for which the model is built."""
    total = sum(int(layer["parameters"]) for layer in layers)
    rows = [["LAYER", "KIND", "OUTPUT", "PARAMETERS"], ["input", "", shape(dataset.input_shape), ""]]
    for layer in layers:
        count = f"{int(layer['parameters']):,}"
        rows.append([str(layer["name"]), str(layer["kind"]), shape(layer["output"]), count])
    title = f"structure on {dataset.name}: {plural(len(layers), 'layer')}, {plural(total, 'parameter')}"
    return [title, *lines_of(rows, right=frozenset({3}))]


def shape(sizes: Sequence[int]) -> str:
    """A shape as text: `28 x 28 x 6`."""
    return " x ".join(map(str, sizes))
