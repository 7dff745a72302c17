"""The optimizer of a run: the one that its config names, over the variables that are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from dltui.core.errors import RunError
from dltui.core.train import layer_options
from dltui.plugins.tensorflow.optimizers.adam import AdamW, RmsProp
from dltui.plugins.tensorflow.optimizers.lion import Lion
from dltui.plugins.tensorflow.optimizers.muon import Muon
from dltui.plugins.tensorflow.optimizers.sgd import Sgd

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig
    from dltui.plugins.tensorflow.optimizers.base import Optimizer

KINDS: Mapping[str, Any] = {
    "sgd": Sgd, "adam": AdamW, "adamw": AdamW, "rmsprop": RmsProp, "lion": Lion, "muon": Muon,
}  # fmt: skip


class Constrained:
    """An optimizer that applies the constraints of Keras's variables after each step, as Keras's optimizers do."""

    def __init__(self, optimizer: Optimizer, variables: Sequence[Any]) -> None:
        self._optimizer, self._variables = optimizer, list(variables)
        self.state: Mapping[str, Any] = optimizer.state

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        self._optimizer.apply(gradients, lr)
        for variable in self._variables:
            variable.assign(variable.constraint(variable))


def freeze(model: Any, config: TrainConfig) -> Mapping[str, float]:
    """Turn off the training of the layers that `config.freeze` names; a frozen batch norm keeps its statistics, too.
    Returns the factor on the learning rate of each variable. Raises RunError for a pattern that fits no layer.
    """
    names = {_name(model, variable): variable for variable in model.trainable_variables}
    factors = layer_options.factors(config.lr_scales, config.freeze, list(names))
    frozen = {id(names[name]) for name, factor in factors.items() if factor == 0}
    for layer in model._flatten_layers() if frozen else ():
        if isinstance(layer, keras.Model):
            continue
        mine = [variable for variable in layer._trainable_variables if id(variable) in frozen]
        if mine and len(mine) == len(layer._trainable_variables):
            layer.trainable = False
        for variable in mine:
            variable.trainable = False
    return factors


def _name(model: Any, variable: Any) -> str:
    return str(variable.path.removeprefix(f"{model.name}/"))


def make_optimizer(model: Any, names: Sequence[str], config: TrainConfig, scales: Mapping[str, float]) -> Optimizer:
    """The optimizer of the model's trainable variables, called `names` in this order; `scales` are factors on their
    learning rates. Raises RunError if there are no variables.
    """
    if not names:
        raise RunError("no variable of this model can be trained; is `trainable` off for all of its layers?")
    weights = {name: variable.value for name, variable in zip(names, model.trainable_variables, strict=True)}
    optimizer: Optimizer = KINDS[config.optimizer](weights, config, scales)
    bound = [variable for variable in model.trainable_variables if variable.constraint is not None]
    return Constrained(optimizer, bound) if bound else optimizer
