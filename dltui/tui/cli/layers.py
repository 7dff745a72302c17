"""The structure of a model as a table, built without data in a process of its framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.tui.cli import numbers

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, DatasetEntry, ModelEntry


def check(model: ModelEntry, dataset: DatasetEntry) -> None:
    """Raises UsageError when the model cannot be built for this dataset."""
    if not dataset.fits(model.task):
        raise UsageError(f"{model.id} is for {model.task}, {dataset.name} for {dataset.task}; see dltui datasets")
    if not model.available:
        raise UsageError(f"{model.id} is not available: {model.reason}")
    if not dataset.input_shape:
        raise UsageError(f"the shapes of {dataset.name} are known only when it is read; name another --dataset")


def layers_of(catalog: Catalog, model: ModelEntry, dataset: DatasetEntry) -> list[dict[str, Any]]:
    """Its layers as a dataset's shapes make them, with the default hyperparameters. Raises UsageError."""
    from dltui.core.ask import network_layers

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
    """One line a layer, and a heading that says what it is built for."""
    total = sum(int(layer["parameters"]) for layer in layers)
    rows = [["LAYER", "KIND", "OUTPUT", "PARAMETERS"], ["input", "", shape(dataset.input_shape), ""]]
    for layer in layers:
        count = f"{int(layer['parameters']):,}"
        rows.append([str(layer["name"]), str(layer["kind"]), shape(layer["output"]), count])
    title = f"structure on {dataset.name}: {len(layers)} layer{'s' if len(layers) != 1 else ''}, {total:,} parameters"
    return [title, *numbers.table(rows, right=frozenset({3}))]


def shape(sizes: Sequence[int]) -> str:
    """`28 x 28 x 6`."""
    return " x ".join(map(str, sizes))
