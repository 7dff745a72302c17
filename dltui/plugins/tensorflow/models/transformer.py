"""A small transformer in Keras: each step looks at all others, and their mean decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.sequences import TransformerConfig, sequence

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: TransformerConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.inputs.sequence import transformer

    return transformer(config, spec, sequence(spec))


MODEL = Model(
    id="transformer-tensorflow",
    name="transformer",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    takes=("sequence",),
    summary="for sequences and text: each step looks at all others; 2 blocks of 4 heads",
    config=TransformerConfig,
    build=build,
)
