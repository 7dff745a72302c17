"""A small transformer in PyTorch: each step looks at all others, and their mean decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.sequences import TransformerConfig, sequence

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: TransformerConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.inputs.attention import Transformer

    return Transformer(config, sequence(spec), spec.outputs)


MODEL = Model(
    id="transformer-torch",
    name="transformer",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    takes=("sequence",),
    summary="for sequences and text: each step looks at all others; 2 blocks of 4 heads",
    config=TransformerConfig,
    build=build,
)
