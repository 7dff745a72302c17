"""An LSTM in Keras: reads a sequence step by step, and its last output decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.contract import Model
from dltui.plugins.sequences import LstmConfig, sequence

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def build(config: LstmConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.inputs.sequence import recurrent

    return recurrent(config, spec, sequence(spec))


MODEL = Model(
    id="lstm-tensorflow",
    name="lstm",
    framework="tensorflow",
    task="classification",
    also=("multilabel", "regression"),
    takes=("sequence",),
    summary="for sequences and text: reads step by step and remembers; 128 units",
    config=LstmConfig,
    build=build,
)
