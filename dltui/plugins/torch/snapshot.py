"""Takes and restores snapshots as NumPy arrays under neutral names: weights, optimizer and random numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dltui.core.contract.state import AVERAGE, AVERAGE_STEPS, SCALE, STREAK, WEIGHTS
from dltui.core.errors import RunError
from dltui.plugins import generators
from dltui.plugins.torch.neutral import Weight, to_array, weights

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from dltui.core.contract.types import Array, State
    from dltui.plugins.torch.averaging import Average
    from dltui.plugins.torch.precision import Scaler
    from dltui.plugins.torch.ranks.draws import Draws
    from dltui.plugins.torch.slots import OwnState

STEP = "optimizer/step"
SLOTS = {"momentum_buffer": "momentum"}
"""Slot names of `torch.optim` that differ in the neutral state."""
_TORCH_SLOTS = {neutral: own for own, neutral in SLOTS.items()}


class Snapshots:
    """Takes and restores states of a module, its optimizer and the average of its weights, if any. `own` keeps the
    state of an optimizer that the module brought."""

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        device: torch.device,
        own: OwnState | None,
        average: Average | None = None,
        scaler: Scaler | None = None,
        draws: Draws | None = None,
    ) -> None:
        """`draws` has the random numbers of several ranks, which take the place of the process's own."""
        self._shared = draws.shared if draws else None
        self._module, self._optimizer, self._device, self._own = module, optimizer, device, own
        self._average = average
        self._scale = {SCALE: scaler.scale, STREAK: scaler.streak} if scaler else {}

    def take(self) -> State:
        """A copy of the state: later steps do not change it. Raises RunError for state that no checkpoint can hold."""
        known = weights(self._module)
        state = {WEIGHTS + name: weight.export() for name, weight in known.items()}
        if self._average is not None:
            state |= {AVERAGE + name: weight.export(average) for name, weight, average in self._average.items()}
            state[AVERAGE_STEPS] = np.array(self._average.steps, dtype=np.int64)
        state |= self._own.take(known) if self._own else self._slots(known)
        state |= {key: to_array(value) for key, value in self._scale.items()}
        return state | self._random() | generators.take()

    def _random(self) -> State:
        if self._shared is not None:
            names = {"cpu": "rng/torch"}
            known = {names.get(kind, f"rng/{kind}"): one.get_state() for kind, one in self._shared.items()}
            return {name: values.numpy().copy() for name, values in known.items()}
        state = {"rng/torch": torch.get_rng_state().numpy().copy()}
        if self._device.type == "cuda":
            state["rng/cuda"] = torch.cuda.get_rng_state(self._device).numpy().copy()
        elif self._device.type == "mps":
            state["rng/mps"] = torch.mps.get_rng_state().numpy().copy()
        return state

    def restore(self, state: State) -> None:
        """Set the given keys. Raises RunError naming the first key that does not fit, before anything is changed."""
        known = weights(self._module)
        changes = [self._change(known, key, array) for key, array in state.items() if key != STEP]
        if STEP in state:
            # Before that of a parameter that differs.
            self._set_steps(int(state[STEP]), _kept(known, state))
        for change in changes:
            change()
        if self._average is None or not any(key.startswith(WEIGHTS) for key in state):
            return
        # Weights that come without an average begin a new one.
        if AVERAGE_STEPS not in state:
            self._average.restart()
        else:
            self._average.begin([name for name in self._average.known if AVERAGE + name not in state])

    def _slots(self, known: dict[str, Weight]) -> State:
        """The state of dltui's own optimizer: a common step count, and separate counts of parameters that
        missed steps.
        """
        state: State = {}
        steps: dict[str, int] = {}
        for name, weight in known.items():
            for slot, value in self._optimizer.state.get(weight.tensor, {}).items():
                if slot == "step":
                    steps[name] = int(value)
                elif isinstance(value, Tensor):
                    state[f"optimizer/{name}/{SLOTS.get(slot, slot)}"] = weight.export(value)
        most = max(steps.values(), default=0)
        late = {name: step for name, step in steps.items() if step < most}
        state |= {f"optimizer/{name}/step": np.array(step, dtype=np.int64) for name, step in late.items()}
        return state | ({STEP: np.array(most, dtype=np.int64)} if steps else {})

    def _change(self, known: dict[str, Weight], key: str, array: Array) -> Callable[[], None]:
        """A function that sets one key of the state."""
        kind, _, name = key.partition("/")
        if kind == "weights" and name in known:
            weight = known[name]
            _check_shape(key, array, weight.shape)
            return lambda: weight.assign(array)
        if kind == "average":
            return self._average_change(key, array)
        if key in generators.KEYS:
            return generators.change(key, array)
        if kind == "rng":
            return _random(key, self._device, array, self._shared)
        if key in (SCALE, STREAK):
            scale = self._scale.get(key)
            # A run in another precision has no use for it.
            return (lambda: None) if scale is None else (lambda: _fill(scale, array))
        if kind == "optimizer":
            found = self._own_change(key, array, known) if self._own else self._slot(known, key, array)
            if found is not None:
                return found
        raise RunError(f"{key} is not part of this model; was the checkpoint made with other hyperparameters?")

    def _average_change(self, key: str, array: Array) -> Callable[[], None]:
        """The change that restores a part of the average; it does nothing in a run that keeps no average."""
        average = self._average
        if average is None:
            return lambda: None
        if key == AVERAGE_STEPS:
            return lambda: setattr(average, "steps", int(array))
        found = {AVERAGE + name: (weight, values) for name, weight, values in average.items()}
        if key not in found:
            raise RunError(f"{key} is not part of this model; was the checkpoint made with other hyperparameters?")
        weight, values = found[key]
        _check_shape(key, array, weight.shape)
        return lambda: weight.assign(array, values)

    def _own_change(self, key: str, array: Array, known: dict[str, Weight]) -> Callable[[], None] | None:
        assert self._own is not None
        path, _, slot = key.rpartition("/")
        if type(self._optimizer).__module__.startswith("torch.optim"):
            # So it was called in checkpoints of earlier versions.
            key = f"{path}/{_TORCH_SLOTS.get(slot, slot)}"
        return self._own.change(key, array, known)

    def _slot(self, known: dict[str, Weight], key: str, array: Array) -> Callable[[], None] | None:
        name, _, slot = key.removeprefix("optimizer/").rpartition("/")
        if name not in known:
            return None
        weight, slot = known[name], _TORCH_SLOTS.get(slot, slot)
        kept = self._optimizer.state.get(weight.tensor, {})
        slots = {own: value for own, value in kept.items() if isinstance(value, Tensor)}
        if not slots:
            # The weight is frozen, or the optimizer has no slots.
            return lambda: None
        if slot not in slots:
            raise RunError(f"{key} is not part of this optimizer; was the checkpoint made with another one?")
        if slot == "step":
            return lambda: _fill(slots["step"], array)
        _check_shape(key, array, weight.shape)
        return lambda: weight.assign(array, slots[slot])

    def _set_steps(self, step: int, kept: Collection[int]) -> None:
        """Set the step count of all parameters. One of which the state has nothing was frozen: its zeros, corrected for
        many steps, would make first updates of several times the learning rate.
        """
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                slots = self._optimizer.state[parameter]
                if isinstance(slots.get("step"), Tensor):
                    slots["step"].fill_(step if id(parameter) in kept else 0)


def _kept(known: Mapping[str, Weight], state: State) -> set[int]:
    """The ids of the parameters of which a state has slots."""
    names = {key.removeprefix("optimizer/").rpartition("/")[0] for key in state if key.startswith("optimizer/")}
    return {id(weight.tensor) for name, weight in known.items() if name in names}


def _fill(tensor: Tensor, array: Array) -> None:
    tensor.fill_(array.item())


def _set(generator: torch.Generator, state: Tensor) -> None:
    generator.set_state(state)


def _check_shape(key: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise RunError(f"{key} has shape {array.shape}, this model needs {shape}")


def _random(
    key: str, device: torch.device, array: Array, shared: Mapping[str, torch.Generator] | None = None
) -> Callable[[], None]:
    """A function that restores a random state; a state of another device type is left out, so that this device keeps
    its own.
    """
    values = torch.from_numpy(np.array(array, dtype=np.uint8))
    if key == "rng/torch":
        if values.shape != torch.get_rng_state().shape:
            raise RunError(f"{key} has {len(array)} bytes, this PyTorch needs {len(torch.get_rng_state())}")
        if shared is not None:
            return lambda: _set(shared["cpu"], values)
        return lambda: torch.set_rng_state(values)
    if key == f"rng/{device.type}" and shared is not None:
        return lambda: _set(shared[device.type], values)
    if key == f"rng/{device.type}" and device.type == "cuda":
        return lambda: torch.cuda.set_rng_state(values, device)
    if key == f"rng/{device.type}" and device.type == "mps":
        return lambda: torch.mps.set_rng_state(values)
    return lambda: None
