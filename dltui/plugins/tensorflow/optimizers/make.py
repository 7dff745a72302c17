"""The optimizer of a run: the one that its config names, over the variables that are trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError
from dltui.plugins.tensorflow.neutral import primary
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
        for variable, gradient in zip(self._variables, gradients, strict=True):
            # One that is frozen keeps its value.
            if gradient is None or variable.constraint is None:
                continue
            primary(variable.value).assign(variable.constraint(primary(variable.value)))


class Late:
    """Two optimizers of one kind: one for the variables that are trained from the start on, one for those that are
    frozen at first. Each counts its own steps, as PyTorch does for each parameter.
    """

    def __init__(self, early: Optimizer, late: Optimizer, is_late: Sequence[bool]) -> None:
        self._early, self._late, self._is_late = early, late, list(is_late)
        steps = {f"late_{name}" if name == "step" else name: value for name, value in late.state.items()}
        self.state: Mapping[str, Any] = {**early.state, **steps}

    def apply(self, gradients: Sequence[Any], lr: Any) -> None:
        found: tuple[list[Any], list[Any]] = ([], [])
        for gradient, late in zip(gradients, self._is_late, strict=True):
            found[late].append(gradient)
        self._early.apply(found[0], lr)
        if any(gradient is not None for gradient in found[1]):
            self._late.apply(found[1], lr)


def make_optimizer(
    model: Any, names: Sequence[str], config: TrainConfig, scales: Mapping[str, float], late: Collection[str] = ()
) -> Optimizer:
    """The optimizer of the model's trainable variables, called `names` in this order; `scales` are factors on their
    learning rates, `late` are those that are frozen at first. Raises RunError if there are no variables.
    """
    if not names:
        raise RunError("no variable of this model can be trained; is `trainable` off for all of its layers?")
    weights = {name: primary(variable.value) for name, variable in zip(names, model.trainable_variables, strict=True)}
    early = {name: value for name, value in weights.items() if name not in late}
    optimizer: Optimizer = KINDS[config.optimizer](early, config, scales)
    if late:
        others = {name: value for name, value in weights.items() if name in late}
        optimizer = Late(optimizer, KINDS[config.optimizer](others, config, scales), [name in late for name in weights])
    if all(variable.constraint is None for variable in model.trainable_variables):
        return optimizer
    return Constrained(optimizer, model.trainable_variables)
