"""A network for tables in PyTorch: categories are embedded, and dense layers with ReLU follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.tables import TabularConfig, numbers, widths, words

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: TabularConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.inputs.table import Table

    sizes = widths(config, spec), words(config, spec)
    return Table(numbers(spec), *sizes, config.layers, config.dropout, spec.outputs)


MODEL = Model(
    id="tabular-torch",
    name="tabular",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    takes=("single", "table"),
    summary="for tables: categories and words become learned vectors beside the numbers, then dense layers with ReLU",
    config=TabularConfig,
    build=build,
)
