"""Maps a Keras model's variables to neutral names, which both frameworks and the checkpoints share.

Keras's layouts are the neutral layouts: dense (in, out), convolution HWIO, flattening in NHWC order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, State


GENERATOR = "rng/tensorflow"
"""The state of `tf.random.get_global_generator()`."""


def variables(model: Any) -> dict[str, Any]:
    """All variables of a built Keras model: "weights/<layer>/<name>", and "rng/seed1" ... for its seed generators.

    Generators are numbered in the model's order: Keras's own names for them count over the whole process.
    """
    weights = {id(weight) for weight in model.weights}
    found: dict[str, Any] = {}
    generators = 0
    for variable in model.variables:
        if id(variable) in weights:
            key = f"weights/{variable.path.removeprefix(f'{model.name}/')}"
        else:
            generators += 1
            key = f"rng/seed{generators}"
        if key in found:
            raise RunError(f"two variables of this model are called {key[8:]}; give its layers different names")
        found[key] = primary(variable.value)
    return found


def primary(variable: Any) -> Any:
    """A TensorFlow variable itself, or its copy on the first of several devices."""
    copies = getattr(variable, "values", None)
    return copies[0] if isinstance(copies, tuple) else variable


def export(values: Mapping[str, Any]) -> State:
    """Copies of TensorFlow variables as arrays; half precision is widened, NumPy and safetensors know no bfloat16."""
    return {key: _copy(variable) for key, variable in values.items()}


def _copy(variable: Any) -> Array:
    array = variable.numpy()
    if array.dtype.kind == "V" or array.dtype.name in ("bfloat16", "float16"):
        return np.asarray(array, dtype=np.float32)
    # numpy() can be a view of the variable's own memory, which the next step overwrites.
    return np.array(array, copy=True)


def wanted(values: Mapping[str, Any], state: Mapping[str, Array], begins: Collection[str] = ()) -> dict[str, Array]:
    """The state without the optimizer's arrays of those weights of the model for which this run's optimizer keeps none,
    since they are frozen or it has no momentum. `begins` has the beginning of the names that an optimizer of Keras
    gives to its arrays of a weight, for each weight of the model.
    """
    weights = (key.removeprefix("weights/") for key in values if key.startswith("weights/"))
    kept = {key.rpartition("/")[0] for key in values}
    spare = {f"optimizer/{name}" for name in weights} - kept
    unused = set(begins) - {_begin(key, begins) for key in values}
    return {
        key: array
        for key, array in state.items()
        if key.rpartition("/")[0] not in spare and _begin(key, begins) not in unused
    }


def _begin(key: str, begins: Collection[str]) -> str:
    """With which of them the name of an optimizer's array begins: the longest, as `body_` begins `body_out_` too."""
    name = key.rpartition("/")[2] if key.startswith("optimizer/") else ""
    return max((begin for begin in begins if name.startswith(begin)), key=len, default="")


def restore(values: Mapping[str, Any], state: Mapping[str, Array]) -> None:
    """Assign the arrays whose keys are there. Raises RunError naming the first that does not fit, before any change."""
    for key, array in state.items():
        if key not in values:
            raise RunError(f"{key} is not part of this model; was the checkpoint made with other hyperparameters?")
        shape = tuple(values[key].shape)
        if array.shape != shape:
            raise RunError(f"{key} has shape {array.shape}, this model needs {shape}")
    for key, array in state.items():
        values[key].assign(np.asarray(array).astype(values[key].dtype.as_numpy_dtype))
