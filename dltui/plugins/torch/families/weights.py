"""Reads files of weights, of which nothing is unpickled but tensors, and fills a network with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins import pretrained

if TYPE_CHECKING:
    from collections.abc import Callable

INSIDE = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Where training programs keep the weights in their checkpoints."""
FILE = "a safetensors or torch file"


def read(path: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file or of a torch file by name. Raises RunError."""
    name = clean_line(path, 200)
    problem = pretrained.file_problem(Path(path))
    if problem:
        raise RunError(f"{name} {problem}")
    try:
        found = _load(path)
    except Exception as error:
        # Readers of damaged files raise anything.
        if type(error).__name__ != "UnpicklingError":
            raise RunError(f"{name} cannot be read as {FILE} ({type(error).__name__})") from None
        raise RunError(f"{name} holds more than weights, which is not loaded; save its state_dict alone") from None
    if isinstance(found, Mapping):
        found = next((found[key] for key in INSIDE if isinstance(found.get(key), Mapping)), found)
    tensors = {str(key): value for key, value in dict(found).items() if isinstance(value, Tensor)}
    if not tensors:
        raise RunError(f"{name} has no weights in it; save the state_dict of the network")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _load(path: str) -> Any:
    with Path(path).open("rb") as file:
        begin = file.read(2)
    if begin.startswith((b"PK", pretrained.PICKLE)):
        return torch.load(path, map_location="cpu", weights_only=True)
    from safetensors.torch import load_file

    return load_file(path)


def fill(
    backbone: nn.Module,
    path: str,
    member: str,
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda tensors: tensors,
) -> nn.Module:
    """The backbone filled from a file; what else the file has, such as a head, is left out. `convert` renames weights
    of other programs. Raises RunError where a weight is missing or has another shape.
    """
    tensors = read(path)
    wanted = backbone.state_dict()
    if not wanted.keys() <= tensors.keys():
        tensors = convert(tensors)
    own = {name: tensor for name, tensor in tensors.items() if name in wanted}
    missing = [name for name in wanted if name not in own and not name.endswith("num_batches_tracked")]
    other = [name for name, tensor in own.items() if tensor.shape != wanted[name].shape]
    does_not_fit = f"{clean_line(path, 200)} does not fit {member}"
    if missing:
        raise RunError(
            f"{does_not_fit}: {len(missing):,} of its {len(wanted):,} weights are missing, {missing[0]} first"
        )
    if other:
        there, here = tuple(own[other[0]].shape), tuple(wanted[other[0]].shape)
        raise RunError(f"{does_not_fit}: {clean_line(other[0], 100)} has shape {there}, the network needs {here}")
    # Some networks look for the version of their format, which a file's own tensors do not tell.
    filled = OrderedDict(own)
    filled._metadata = getattr(wanted, "_metadata", None)  # type: ignore[attr-defined]
    backbone.load_state_dict(filled, strict=False)
    return backbone
