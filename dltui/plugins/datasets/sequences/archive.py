"""Reads sequences from a NumPy archive: x (n, steps, features) and y (n,), padded with NaN or with `lengths`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.errors import RunError
from dltui.core.inputs.numerals import is_missing
from dltui.core.text import clean_line
from dltui.plugins.datasets.sequences.found import Found

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

WANTED = "x (n, steps, features) and y (n,); or x_train, y_train, x_test, y_test"
VALIDATION = ("_val", "_valid", "_validation")
"""The ends of the names of a validation part."""


def read(path: Path) -> Found:
    """The sequences of an archive. Raises RunError naming the array that is wrong."""
    where = clean_line(path)
    arrays = _arrays(path, where)
    own = [end for end in VALIDATION if {f"x{end}", f"y{end}"} <= arrays.keys()][:1]
    ends = ["_train", *own, "_test"] if "x_train" in arrays else [""]
    parts = [_part(where, arrays, end) for end in ends]
    sizes = [len(steps) for steps, _ in parts]
    taken = {f"{name}{end}" for end in ends for name in ("x", "y", "lengths")}
    left = ", ".join(clean_line(name, 30) for name in arrays if name not in taken)
    steps = [one for some, _ in parts for one in some]
    targets: list[Any] = [one for _, some in parts for one in some]
    return Found(
        where,
        steps,
        targets,
        test=sizes[-1] if len(ends) > 1 else 0,
        validation=sizes[1] if len(ends) > 2 else 0,
        notes=(clean_line(f"arrays that are left out: {left}", 200),) if left else (),
    )


def _arrays(path: Path, where: str) -> dict[str, Array]:
    """The arrays of an archive by their names in small letters. Raises RunError."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            with loaded as file:
                return {name.lower(): np.asarray(file[name]) for name in file.files}
    except Exception as error:
        # NumPy and zipfile raise anything for what is damaged, encrypted or larger than the memory.
        if "pickle" in str(error):
            told = "save a padded array and the lengths as `lengths`"
            raise RunError(f"{where} holds Python objects, which are not loaded; {told}") from None
        reason = clean_line(getattr(error, "strerror", None) or error, 100) or type(error).__name__
        raise RunError(f"{where} cannot be read: {reason}; make it again with numpy.savez") from None
    raise RunError(f"{where} is a single array, wanted is an .npz archive of {WANTED}")


def _part(where: str, arrays: Mapping[str, Array], end: str) -> tuple[list[Array], list[str] | list[float]]:
    """The sequences and targets of a part."""
    x, y = arrays.get(f"x{end}"), arrays.get(f"y{end}")
    if x is None or y is None:
        held = ", ".join(clean_line(name, 30) for name in list(arrays)[:8]) or "nothing"
        raise RunError(f"{where} holds {held}; wanted are {WANTED}")
    x = x[..., np.newaxis] if x.ndim == 2 else x
    if x.ndim != 3 or x.dtype.kind not in "iufb" or 0 in x.shape:
        raise RunError(f"{where}: x{end} is {x.dtype} {x.shape}, wanted are numbers (n, steps, features)")
    if y.shape not in ((len(x),), (len(x), 1)) or y.dtype.kind not in "iufbU":
        raise RunError(f"{where}: y{end} is {y.dtype} {y.shape}, wanted is a class or a number for each of {len(x):,}")
    lengths = _lengths(where, x, arrays.get(f"lengths{end}"), end)
    steps = [np.asarray(row[:length], np.float64) for row, length in zip(x, lengths.tolist(), strict=True)]
    return steps, _targets(where, f"y{end}", y.reshape(-1).tolist(), y.dtype.kind)


def _targets(where: str, name: str, values: list[Any], kind: str) -> list[Any]:
    """The targets as numbers or texts. Raises RunError for one that is missing."""
    for row, value in enumerate(values):
        if is_missing(value) if kind == "U" else not math.isfinite(value):
            told = clean_line(repr(value), 40)
            raise RunError(f"{where}: {name} of sequence {row} is {told}, no target; fill it in or remove the sequence")
    return list(map(str, values)) if kind == "b" else values


def _lengths(where: str, x: Array, given: Array | None, end: str) -> Array:
    """The given lengths, or up to the last step that is not NaN."""
    if given is not None:
        if given.shape != (len(x),) or given.dtype.kind not in "iu":
            raise RunError(f"{where}: lengths{end} is {given.dtype} {given.shape}, wanted is a whole number for each")
        bad = np.flatnonzero((given < 1) | (given > x.shape[1]))
        if len(bad):
            told = f"{int(given[bad[0]])} as its length; it can have 1 to {x.shape[1]:,}"
            raise RunError(f"{where}: sequence {int(bad[0])} of x{end} has {told}")
        return given
    there: Array = np.logical_not(np.isnan(x.astype(np.float64, copy=False)).all(axis=2))
    found: Array = np.where(there.any(axis=1), x.shape[1] - np.argmax(there[:, ::-1], axis=1), 0)
    return found
