"""The layers that are not trained: for the whole run, or until the epoch in which they are unfrozen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.train.options import layer_options

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig


class Freezing:
    """Turns the training of layers off and on; a frozen batch norm keeps its statistics, too. At first it turns off
    those that are frozen for the whole run; `follow` does the rest. Raises RunError for a pattern that fits no layer.

    `scales` are the factors on the learning rates, `late` the names of the variables that are frozen at first,
    `variables` all that are trained at some time, in the model's order, `trained` those of them that are now.
    """

    def __init__(self, model: Any, config: TrainConfig) -> None:
        self._model, self._config = model, config
        names = {_name(model, variable): variable for variable in model.trainable_variables}
        frozen = layer_options.factors(config.lr_scales, config.freeze, list(names))
        self.scales: Mapping[str, float] = layer_options.factors(
            config.lr_scales, "" if config.unfreeze_at else config.freeze, list(names)
        )
        self.late = frozenset(name for name in names if frozen[name] == 0 and self.scales[name] != 0)
        self._waits = False
        self._turn_off([names[name] for name in names if self.scales[name] == 0])
        self._later = [names[name] for name in names if name in self.late]
        self._before: list[tuple[Any, bool]] = []
        self.variables = list(model.trainable_variables)

    @property
    def trained(self) -> Sequence[Any]:
        return self._model.trainable_variables  # type: ignore[no-any-return]

    def follow(self, epoch: int) -> tuple[str, ...] | None:
        """Freeze what is frozen in this epoch, from 0. Returns None where all stays as it was, else lines for the
        log.
        """
        waits = bool(self._later) and layer_options.frozen_in(epoch, self._config.unfreeze_at)
        if waits == self._waits:
            return None
        self._waits = waits
        if waits:
            self._before = self._switches()
            self._turn_off(self._later)
            return ()
        # In this order: a layer's switch turns those of its own layers and variables, too.
        for part, trainable in self._before:
            part.trainable = trainable
        count = sum(int(variable.value.shape.num_elements()) for variable in self._later)
        return (layer_options.unfrozen_line(self._config.unfreeze_at, count),)

    def padded(self, gradients: Sequence[Any]) -> list[Any]:
        """The gradients of all `variables`, of those of `trained`: None for one that is frozen now."""
        found = dict(zip([id(variable) for variable in self.trained], gradients, strict=True))
        return [found.get(id(variable)) for variable in self.variables]

    def _switches(self) -> list[tuple[Any, bool]]:
        layers = list(self._model._flatten_layers())
        variables = [variable for layer in layers for variable in layer._trainable_variables]
        return [(part, bool(part.trainable)) for part in (*layers, *variables)]

    def _turn_off(self, variables: Collection[Any]) -> None:
        frozen = {id(variable) for variable in variables}
        for layer in self._model._flatten_layers() if frozen else ():
            mine = [variable for variable in layer._trainable_variables if id(variable) in frozen]
            # Its switch turns the layers inside off, too.
            if mine and all(id(variable) in frozen for variable in layer.trainable_variables):
                layer.trainable = False
            for variable in mine:
                variable.trainable = False


def _name(model: Any, variable: Any) -> str:
    return str(variable.path.removeprefix(f"{model.name}/"))
