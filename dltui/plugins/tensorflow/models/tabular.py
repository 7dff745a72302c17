"""A network for tables in Keras: categories are embedded, and dense layers with ReLU follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.tables import TabularConfig, widths, words

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: TabularConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.inputs.table import table

    return table(spec, widths(config, spec), words(config, spec), config.layers, config.dropout, spec.outputs)


MODEL = Model(
    id="tabular-tensorflow",
    name="tabular",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    takes=("single", "table"),
    summary="for tables: categories and words become learned vectors beside the numbers, then dense layers with ReLU",
    config=TabularConfig,
    build=build,
)
