"""Everything that a training step changes, kept and put back in its place: a trial of steps then leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.plugins import generators

if TYPE_CHECKING:
    from dltui.core.contract.types import State
    from dltui.plugins.torch.steps.computation import Computation

PLAIN = (bool, int, float, str, bytes, type(None))


class Kept:
    """Copies of the tensors that a computation changes, of the numbers that its layers keep in Python, and of the state
    of all random numbers."""

    def __init__(self, computation: Computation, device: torch.device) -> None:
        self._computation, self._device = computation, device
        self._copies = [(tensor, tensor.detach().clone()) for tensor in _tensors(computation)]
        self._places = self._addresses()
        self._plain = self._numbers()
        self._random = self._host_random()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        with torch.no_grad():
            for tensor, copy in self._copies:
                tensor.copy_(copy)
        for parameter in self._computation.parameters:
            parameter.grad = None
        for layer, values in self._plain:
            vars(layer).update(values)
        torch.set_rng_state(torch.from_numpy(self._random["rng/torch"].copy()))
        for key in generators.KEYS:
            if key in self._random:
                generators.change(key, self._random[key])()
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)

    def reason(self) -> str:
        """The reason why the steps since then cannot be replayed, as far as the host sees it, or ""."""
        if self._addresses() != self._places:
            return "it makes new tensors in place of those of its layers"
        if self._numbers() != self._plain:
            return "it keeps numbers in Python that change from step to step"
        now = self._host_random()
        # On the CPU the host's numbers are those of the device.
        host = [key for key in self._random if key != "rng/torch" or self._device.type != "cpu"]
        if any(now[key].tobytes() != self._random[key].tobytes() for key in host):
            return "it draws random numbers on the host"
        return ""

    def _addresses(self) -> list[int]:
        return [tensor.data_ptr() for tensor in _tensors(self._computation)]

    def _numbers(self) -> list[tuple[Any, dict[str, Any]]]:
        """The plain values that each layer has as attributes."""
        layers = self._computation.module.modules()
        return [(layer, {k: v for k, v in vars(layer).items() if isinstance(v, PLAIN)}) for layer in layers]

    def _host_random(self) -> State:
        return {"rng/torch": torch.get_rng_state().numpy().copy(), **generators.take()}


def _tensors(computation: Computation) -> list[Tensor]:
    optimizer: dict[Any, dict[str, Any]] = computation.optimizer.state
    slots = [value for slots in optimizer.values() for value in slots.values() if isinstance(value, Tensor)]
    average = computation.average.tensors() if computation.average else []
    scaler: list[Tensor] = computation.scaler.tensors() if computation.scaler else []
    return [*computation.parameters, *computation.module.buffers(), *slots, *average, *scaler]
