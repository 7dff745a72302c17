"""Everything that continuing needs, as NumPy arrays under neutral names: weights, optimizer and random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from dltui.core.errors import RunError
from dltui.plugins.torch.neutral import Weight, weights
from dltui.plugins.torch.optim import SLOTS

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from dltui.core.contract.types import Array, State

STEP = "optimizer/step"
_TORCH_SLOTS = {neutral: own for own, neutral in SLOTS.items()}


def take(module: nn.Module, optimizer: Optimizer, device: torch.device) -> State:
    """A copy: later steps do not change it."""
    state: State = {}
    for name, weight in weights(module).items():
        state[f"weights/{name}"] = weight.export()
        for slot, value in optimizer.state.get(weight.tensor, {}).items():
            if slot == "step":
                state[STEP] = np.array(int(value), dtype=np.int64)
            elif isinstance(value, torch.Tensor):
                key = f"optimizer/{name}/{SLOTS.get(slot, slot)}"
                state[key] = weight.export(value) if value.shape == weight.tensor.shape else value.cpu().numpy().copy()
    state["rng/torch"] = torch.get_rng_state().numpy().copy()
    if device.type == "cuda":
        state["rng/cuda"] = torch.cuda.get_rng_state(device).numpy().copy()
    elif device.type == "mps":
        state["rng/mps"] = torch.mps.get_rng_state().numpy().copy()
    return state


def restore(module: nn.Module, optimizer: Optimizer, device: torch.device, state: State) -> None:
    """Set what is there. Raises RunError naming the first key that does not fit, before anything is changed."""
    known = weights(module)
    changes = [_change(known, optimizer, device, key, array) for key, array in state.items()]
    for change in changes:
        change()


def _change(
    known: dict[str, Weight], optimizer: Optimizer, device: torch.device, key: str, array: Array
) -> Callable[[], None]:
    """What has to be done to set one key."""
    kind, _, name = key.partition("/")
    if kind == "weights" and name in known:
        weight = known[name]
        _check_shape(key, array, weight.shape)
        return lambda: weight.assign(array)
    if kind == "rng":
        return _random(key, device, array)
    if key == STEP:
        return lambda: _set_step(optimizer, int(array))
    name, _, slot = name.rpartition("/")
    if kind == "optimizer" and name in known:
        return _slot(known[name], optimizer, key, _TORCH_SLOTS.get(slot, slot), array)
    raise RunError(f"{key} is not part of this model; was the checkpoint made with other hyperparameters?")


def _check_shape(key: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise RunError(f"{key} has shape {array.shape}, this model needs {shape}")


def _slot(weight: Weight, optimizer: Optimizer, key: str, slot: str, array: Array) -> Callable[[], None]:
    slots = optimizer.state[weight.tensor]
    if slots and slot not in slots:
        raise RunError(f"{key} is not part of this optimizer; was the checkpoint made with another one?")
    if array.ndim == 0:
        return lambda: slots.update({slot: torch.from_numpy(np.array(array)).to(weight.tensor.device)})
    _check_shape(key, array, weight.shape)

    def fill() -> None:
        if slots.get(slot) is None:
            slots[slot] = torch.zeros_like(weight.tensor, memory_format=torch.preserve_format)
        weight.assign(array, slots[slot])

    return fill


def _set_step(optimizer: Optimizer, step: int) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            slots = optimizer.state[parameter]
            if isinstance(slots.get("step"), torch.Tensor):
                slots["step"].fill_(step)
            else:
                slots["step"] = torch.tensor(float(step))


def _random(key: str, device: torch.device, array: Array) -> Callable[[], None]:
    """A state of another kind of device is left out: the run then goes on with this device's own random numbers."""
    values = torch.from_numpy(np.array(array, dtype=np.uint8))
    if key == "rng/torch":
        if values.shape != torch.get_rng_state().shape:
            raise RunError(f"{key} has {len(array)} bytes, this PyTorch needs {len(torch.get_rng_state())}")
        return lambda: torch.set_rng_state(values)
    if key == f"rng/{device.type}" and device.type == "cuda":
        return lambda: torch.cuda.set_rng_state(values, device)
    if key == f"rng/{device.type}" and device.type == "mps":
        return lambda: torch.mps.set_rng_state(values)
    return lambda: None
