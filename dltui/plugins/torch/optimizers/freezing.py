"""The layers that are not trained: for the whole run, or until the epoch in which they are unfrozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from dltui.core.train.options import layer_options
from dltui.plugins.torch.neutral import weights

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig


class Freezing:
    """Turns gradients of parameters off and on. At first it turns off those that are frozen for the whole run, so that
    an optimizer made then has all others; `follow` does the rest. Raises RunError for a pattern that fits no layer.

    `norms` are the batch norms that are frozen as a whole: they keep their statistics, too.
    """

    def __init__(self, module: nn.Module, config: TrainConfig) -> None:
        self._module, self._config = module, config
        known = weights(module)
        trained = [name for name, weight in known.items() if isinstance(weight.tensor, nn.Parameter)]
        frozen, always = (
            {id(known[name].tensor) for name, factor in factors.items() if factor == 0}
            for factors in (
                layer_options.factors(config.lr_scales, config.freeze, trained),
                layer_options.factors(config.lr_scales, "" if config.unfreeze_at else config.freeze, trained),
            )
        )
        self._always, self._frozen = always, frozen
        # A parameter that the module itself has turned off stays off.
        self._later = [p for p in module.parameters() if id(p) in frozen - always and p.requires_grad]
        for parameter in module.parameters():
            if id(parameter) in always:
                parameter.requires_grad_(False)
        self._waits = False
        self.norms = self._norms(always)

    def follow(self, epoch: int) -> tuple[str, ...] | None:
        """Freeze what is frozen in this epoch, from 0. Returns None where all stays as it was, else lines for the
        log.
        """
        waits = bool(self._later) and layer_options.frozen_in(epoch, self._config.unfreeze_at)
        if waits == self._waits:
            return None
        self._waits = waits
        for parameter in self._later:
            parameter.requires_grad_(not waits)
        self.norms = self._norms(self._frozen if waits else self._always)
        return () if waits else (layer_options.unfrozen_line(self._config.unfreeze_at, self._count()),)

    def _count(self) -> int:
        return sum(parameter.numel() for parameter in self._later)

    def _norms(self, frozen: set[int]) -> list[nn.Module]:
        """The batch norms all of whose parameters are frozen. One without parameters has nothing to freeze."""
        norms = (layer for layer in self._module.modules() if isinstance(layer, nn.modules.batchnorm._NormBase))
        own = [(norm, list(norm.parameters())) for norm in norms]
        return [norm for norm, mine in own if mine and all(id(parameter) in frozen for parameter in mine)]
