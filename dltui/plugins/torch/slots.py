"""Encodes the state of an optimizer as arrays that a checkpoint can hold: exactly, or with a warning.

A key is `optimizer/<layer>/<name>/<slot>` for a parameter's slot, `optimizer/group:<n>/<name>` for a changing value of
a group, `optimizer/attribute:<name>` and `optimizer/state:<name>` for the optimizer's own. What an array cannot express
follows after a colon: a dtype that NumPy lacks, `raw` for a tensor that is in no weight's layout, `literal` for the
text of a Python value, `number` for a float.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins import generators
from dltui.plugins.torch.neutral import Weight, to_array, weights

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, State

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
COMPLEX = {"complex64": torch.complex64, "complex128": torch.complex128}
STATEFUL = (Optimizer, torch.Generator, *generators.KINDS)
NOT_STATE = ("params", "lr")
"""The entries of a group that are not saved: the plan sets the learning rate before each step."""


def refuse(optimizer: Optimizer, name: str, value: object) -> RunError:
    kind = type(value).__name__
    return RunError(
        f"{type(optimizer).__name__} keeps a {kind} in {clean_line(name, 60)}, which no checkpoint can hold: the run"
        " could not be resumed; keep tensors and numbers in self.state[parameter]"
    )


def encode(key: str, value: object, weight: Weight | None = None) -> tuple[str, Array] | None:
    """A value with its complete key; None for a value that cannot be encoded."""
    if isinstance(value, Tensor):
        return _encode_tensor(key, value, weight)
    if isinstance(value, float):
        return f"{key}:number", np.array(value, dtype=np.float64)
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        same = False
    return (f"{key}:literal", np.frombuffer(text.encode(), dtype=np.uint8).copy()) if same else None


def _encode_tensor(key: str, value: Tensor, weight: Weight | None) -> tuple[str, Array] | None:
    if value.layout != torch.strided or value.is_quantized:
        return None
    lost = str(value.dtype).removeprefix("torch.")
    ending = f":{lost}" if lost in DTYPES or value.is_complex() else ""
    if weight is not None and value.shape == weight.tensor.shape:
        return key + ending, weight.export(value)
    array = to_array(value)
    return key + (":raw" if weight is None or array.shape == weight.shape else "") + ending, array


def decode(kinds: Iterable[str], array: Array, device: torch.device, weight: Weight | None = None) -> Any:
    """The value of an array. Raises RunError for an array that cannot be decoded."""
    if "number" in kinds:
        return float(array)
    if "literal" in kinds:
        try:
            return ast.literal_eval(bytes(np.asarray(array, dtype=np.uint8)).decode())
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise RunError("a number of the optimizer in the checkpoint cannot be read") from error
    tensor = torch.from_numpy(np.array(array, order="C", copy=True))
    if any(kind in COMPLEX for kind in kinds):
        tensor = torch.view_as_complex(tensor)
    for kind in kinds:
        tensor = tensor.to(DTYPES.get(kind, tensor.dtype))
    if weight is None or "raw" in kinds or array.shape != weight.shape:
        return tensor.to(device)
    slot = torch.zeros_like(weight.tensor, dtype=tensor.dtype, device=device, memory_format=torch.preserve_format)
    slot.detach().permute(weight.order).copy_(tensor)
    return slot


class OwnState:
    """The state of an optimizer that a module brought along."""

    def __init__(self, module: nn.Module, optimizer: Optimizer) -> None:
        self._module, self._optimizer = module, optimizer
        self._looked = False
        self._before, self._others = self._around()

    def look(self) -> None:
        """Check after the first steps that a checkpoint can hold all of the state. Raises RunError."""
        if not self._looked:
            self._looked = True
            self.take(weights(self._module))

    def take(self, names: Mapping[str, Weight]) -> State:
        """The state as arrays. Raises RunError for state that cannot be encoded."""
        state: State = {}
        kept: dict[Any, Any] = self._optimizer.state
        for name, weight in names.items():
            for slot, value in kept.get(weight.tensor, {}).items():
                found = encode(f"optimizer/{name}/{slot}", value, weight)
                if found is None or not isinstance(slot, str) or set(slot) & set(":/"):
                    raise refuse(self._optimizer, f"self.state[parameter][{slot!r}]", value)
                state[found[0]] = found[1]
        known = {id(weight.tensor) for weight in names.values()}
        for key in kept:
            if isinstance(key, Tensor) and id(key) not in known:
                raise refuse(self._optimizer, "its state for a parameter that is not the module's", key)
        now, others = self._around()
        for name, value in others.items():
            if self._others.get(name) is not value:
                raise refuse(self._optimizer, name, value)
        return state | {key: array for key, array in now.items() if not _equal(array, self._before.get(key))}

    def change(self, key: str, array: Array, names: Mapping[str, Weight]) -> Callable[[], None] | None:
        """A function that sets one key of the state; None for a key that is no part of an optimizer."""
        path, *kinds = key.removeprefix("optimizer/").split(":")
        optimizer = self._optimizer
        if path in ("group", "attribute", "state"):
            place, *kinds = kinds
            value = decode(kinds, array, torch.device("cpu"))
            if path == "attribute":
                return (lambda: setattr(optimizer, place, value)) if _is_own(place) else None
            if path == "state":
                kept: dict[Any, Any] = optimizer.state
                return lambda: kept.__setitem__(place, value)
            number, _, name = place.partition("/")
            if not number.isdigit() or int(number) >= len(optimizer.param_groups) or name in NOT_STATE:
                return None
            return lambda: optimizer.param_groups[int(number)].__setitem__(name, value)
        name, _, slot = path.rpartition("/")
        if name not in names:
            return None
        weight = names[name]
        value = decode(kinds, array, self._device_of(weight, slot, array), weight)
        return lambda: optimizer.state[weight.tensor].__setitem__(slot, value)

    def _device_of(self, weight: Weight, slot: str, array: Array) -> torch.device:
        """The device of a slot: PyTorch counts steps on the CPU unless the update is a single kernel."""
        group = next((g for g in self._optimizer.param_groups if any(p is weight.tensor for p in g["params"])), {})
        on_device = array.ndim or slot != "step" or group.get("capturable") or group.get("fused")
        return weight.tensor.device if on_device else torch.device("cpu")

    def _around(self) -> tuple[State, dict[str, object]]:
        """The state beside the parameters' slots, encoded, and the values of it that cannot be encoded."""
        found: State = {}
        others: dict[str, object] = {}
        items = [
            (f"group:{number}/{name}", value)
            for number, group in enumerate(self._optimizer.param_groups)
            for name, value in group.items()
            if name not in NOT_STATE
        ]
        items += [(f"attribute:{name}", value) for name, value in vars(self._optimizer).items() if _is_own(name)]
        items += [(f"state:{key}", value) for key, value in self._optimizer.state.items() if isinstance(key, str)]
        for name, value in items:
            encoded = encode(f"optimizer/{name}", value)
            if encoded is not None:
                found[encoded[0]] = encoded[1]
            elif self._holds_tensors(value):
                raise refuse(self._optimizer, name, value)
            else:
                others[name] = value
        return found, others

    def _holds_tensors(self, value: object) -> bool:
        """True if a value is, or contains, changing state that is not a tensor of the module itself."""
        own = {id(tensor) for tensor in (*self._module.parameters(), *self._module.buffers())}
        waiting, looked = [value], 0
        while waiting and looked < 100_000:
            looked += 1
            item = waiting.pop()
            if isinstance(item, STATEFUL) or (isinstance(item, Tensor) and id(item) not in own):
                return True
            waiting += list(item.values()) if isinstance(item, dict) else []
            waiting += list(item) if isinstance(item, (list, tuple, set)) else []
        return False


@cache
def _standard() -> frozenset[str]:
    """The attributes that every optimizer has."""
    return frozenset(vars(SGD([torch.zeros(1, requires_grad=True)], 0.1)))


def _is_own(name: str) -> bool:
    return name.isidentifier() and name not in _standard() and not name.startswith("__")


def _equal(one: Array, other: Array | None) -> bool:
    return other is not None and one.dtype == other.dtype and np.array_equal(one, other)
