"""Everything that a training step changes, kept and put back in its place: a trial of steps then leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.plugins import generators

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract.types import State
    from dltui.plugins.torch.steps.computation import Computation

PLAIN = (bool, int, float, str, bytes, type(None))


class Kept:
    """Copies of the tensors that a computation changes, of the numbers that its layers and its optimizer keep in
    Python, and of the state of all random numbers. They lie in memory of the host: a device may have no room for all of
    it twice.
    """

    def __init__(self, computation: Computation, device: torch.device) -> None:
        self._computation, self._device = computation, device
        self._copies = [(tensor, tensor.detach().to("cpu", copy=True)) for tensor in _tensors(computation)]
        self._places = addresses(computation)
        self._plain = self._numbers()
        self._optimizer = _KeptOptimizer(computation.optimizer)
        self._random = self._host_random()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        self._optimizer.restore()
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
        if addresses(self._computation) != self._places:
            return "it makes new tensors in place of those of its layers"
        if self._numbers() != self._plain:
            return "it keeps numbers in Python that change from step to step"
        now = self._host_random()
        # On the CPU the host's numbers are those of the device.
        host = [key for key in self._random if key != "rng/torch" or self._device.type != "cpu"]
        if any(now[key].tobytes() != self._random[key].tobytes() for key in host):
            return "it draws random numbers on the host"
        return ""

    def _numbers(self) -> list[tuple[Any, dict[str, Any]]]:
        """The plain values that each layer has as attributes."""
        return [(layer, _plain(vars(layer))) for layer in self._computation.module.modules()]

    def _host_random(self) -> State:
        return {"rng/torch": torch.get_rng_state().numpy().copy(), **generators.take()}


class _KeptOptimizer:
    """What an optimizer keeps beside the values of tensors: one that a module brings makes its slots at its first step,
    and may count in Python.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._of = optimizer
        self._numbers = [(values, _plain(values)) for values in (vars(optimizer), *optimizer.param_groups)]
        self._slots = {key: dict(slots) for key, slots in _slots(optimizer).items()}

    def restore(self) -> None:
        state: dict[Any, Any] = self._of.state
        for key in _slots(self._of).keys() - self._slots.keys():
            del state[key]
        for key, slots in self._slots.items():
            # What others hold of it stays.
            state[key].clear()
            state[key].update(slots)
        for values, numbers in self._numbers:
            values.update(numbers)


def addresses(computation: Computation) -> list[int]:
    """Where each tensor lies that a step changes."""
    return [tensor.data_ptr() for tensor in _tensors(computation)]


def attributes(module: nn.Module) -> list[Tensor]:
    """The tensors that the layers have as attributes, alone or in a list or a dict."""
    found: list[Tensor] = []
    for value in (value for layer in module.modules() for value in vars(layer).values()):
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else (value,)
        found += [one for one in inside if isinstance(one, Tensor)]
    return found


def _slots(optimizer: torch.optim.Optimizer) -> dict[Any, dict[str, Any]]:
    """The slots of each parameter."""
    state: dict[Any, Any] = optimizer.state
    return {key: slots for key, slots in state.items() if isinstance(slots, dict)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, PLAIN)}


def _tensors(computation: Computation) -> list[Tensor]:
    all_slots = _slots(computation.optimizer).values()
    slots = [value for slots in all_slots for value in slots.values() if isinstance(value, Tensor)]
    average = computation.average.tensors() if computation.average else []
    scaler: list[Tensor] = computation.scaler.tensors() if computation.scaler else []
    return [*computation.parameters, *computation.module.buffers(), *slots, *average, *scaler]
