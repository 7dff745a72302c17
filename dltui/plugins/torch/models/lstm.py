"""An LSTM in PyTorch: reads a sequence step by step, and its last output decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.core.contract import Model
from dltui.plugins.sequences import LstmConfig, sequence

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec


def build(config: LstmConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.inputs.recurrent import Recurrent

    return Recurrent(config, sequence(spec), spec.outputs)


MODEL = Model(
    id="lstm-torch",
    name="lstm",
    framework="torch",
    task="classification",
    also=("multilabel", "regression"),
    takes=("sequence",),
    summary="for sequences and text: reads step by step and remembers; 128 units",
    config=LstmConfig,
    build=build,
)
