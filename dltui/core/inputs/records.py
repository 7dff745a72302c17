"""Named inputs as records: an array (n,) whose fields are the inputs, so that a sample lies in one piece."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract.inputs import LENGTH, MASK, Input
from dltui.core.errors import RunError
from dltui.core.tasks.numbers import chunks
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}
LARGEST_VOCABULARY = 2**31 - 1


def record_type(named: Sequence[Input]) -> np.dtype[Any]:
    """The type of a record with these inputs; a padded one has its length beside it."""
    fields: list[Any] = []
    for one in named:
        fields.append((one.name, TYPES[one.dtype], one.shape))
        if one.padded:
            fields.append((one.name + LENGTH, TYPES["int32"]))
    return np.dtype(fields, align=True)


def as_rows(x: Array) -> Array:
    """Records as rows of bytes, uint8 (n, bytes), sharing their memory; other samples as they are."""
    if x.dtype.names is None:
        return x
    # np.ascontiguousarray would make a plain array of one that is mapped from a file, which is then not streamed.
    whole = x if x.flags.c_contiguous else np.ascontiguousarray(x)
    return whole.reshape(-1, 1).view(np.uint8)


def zeros(named: Sequence[Input], rows: int) -> Array:
    """Records of zeros, whose sequences have full length."""
    x = np.zeros(rows, record_type(named))
    for one in named:
        if one.padded:
            x[one.name + LENGTH] = one.shape[0]
    return x


def check_inputs(named: Sequence[Input]) -> None:
    """Check a dataset's declaration of its inputs. Raises RunError."""
    names = [one.name for one in named]
    for one in named:
        _check_name(one.name, names)
        where = f"the input {one.name!r} of named_inputs"
        if one.dtype not in TYPES:
            raise RunError(f"{where} has the dtype {clean_line(repr(one.dtype), 40)}; it can have {', '.join(TYPES)}")
        if any(size < 1 for size in one.shape):
            raise RunError(f"{where} has the shape {one.shape}; each size must be at least 1")
        if one.padded and not one.shape:
            raise RunError(f"{where} is padded and has no length; its shape begins with the longest length")
        _check_vocabulary(one, where)
        channels = one.shape[-1] if one.shape else 1
        for what, values in (("mean", one.mean), ("std", one.std)):
            finite = len(values) in (1, channels) and bool(np.isfinite(values).all())
            if not finite or (what == "std" and min(values) <= 0):
                raise RunError(f"{where}: {what} must have one finite number, or {channels}, and std be above 0")


def _check_name(name: str, names: Sequence[str]) -> None:
    good = isinstance(name, str) and name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
    if not good or name.endswith((MASK, LENGTH)):
        told = clean_line(repr(name), 60)
        raise RunError(f"named_inputs has the name {told}; take letters, digits and _, not with {MASK} at the end")
    if names.count(name) > 1:
        raise RunError(f"named_inputs has {name!r} twice; give each input a name of its own")


def _check_vocabulary(one: Input, where: str) -> None:
    if one.dtype != "int32":
        if one.vocabulary:
            raise RunError(f"{where} has a vocabulary and is {one.dtype}; numbers of tokens and categories are int32")
        return
    places = one.shape[-1] if one.shape else 1
    if len(one.vocabulary) not in ((1,) if one.padded else (1, places)):
        told = "one number" if one.padded else f"one number, or {places}"
        raise RunError(f"{where} needs vocabulary=, the number of its different values: {told}")
    if not all(1 <= size <= LARGEST_VOCABULARY for size in one.vocabulary):
        raise RunError(f"{where} has the vocabulary {one.vocabulary}; each number must be at least 1")


def pack(part: str, x: object, named: Sequence[Input]) -> Array:
    """The samples of a part as records. Raises RunError naming the input and the sample that are wrong."""
    wanted = record_type(named)
    packed = x if isinstance(x, np.ndarray) and x.dtype == wanted and x.ndim == 1 else _packed(part, x, named)
    for one in named:
        for rows in chunks(packed):
            _check_values(part, one, packed[rows], rows.start)
    return packed


def _packed(part: str, x: object, named: Sequence[Input]) -> Array:
    names = [one.name for one in named]
    if not isinstance(x, Mapping):
        raise RunError(f"{part} samples are a {type(x).__name__}; with named_inputs give a dict of {', '.join(names)}")
    lengths = [one.name + LENGTH for one in named if one.padded]
    missing = [name for name in names if name not in x]
    unknown = [str(name) for name in x if name not in (*names, *lengths)]
    if missing or unknown:
        what = f"lack the input {missing[0]!r}" if missing else f"have {clean_line(repr(unknown[0]), 60)}"
        raise RunError(f"{part} samples {what}; named_inputs has {', '.join(names)}")
    rows = len(x[names[0]])
    packed: Array = np.zeros(rows, record_type(named))
    for one in named:
        if len(x[one.name]) != rows:
            found = f"{len(x[one.name]):,} of {one.name!r}"
            raise RunError(f"{part} has {rows:,} samples of the input {names[0]!r} and {found}; each needs the same")
        if one.padded and not isinstance(x[one.name], np.ndarray):
            _pad(part, one, x[one.name], packed)
            continue
        packed[one.name] = _array(part, one, x[one.name])
        if one.padded:
            packed[one.name + LENGTH] = _lengths(part, one, x.get(one.name + LENGTH), packed[one.name])
    return packed


def _array(part: str, one: Input, given: object) -> Array:
    try:
        values = np.asanyarray(given)
    except ValueError as error:
        text = "holds arrays of several lengths: give one array, or declare padded=True where it is a sequence"
        raise RunError(f"{part}: the input {one.name!r} {text}") from error
    kinds = "iub" if one.dtype != "float32" else "iufb"
    if values.dtype.kind not in kinds or values.shape[1:] != one.shape:
        wanted = f"{one.dtype} (n, {', '.join(map(str, one.shape))})"
        raise RunError(f"{part}: the input {one.name!r} is {values.dtype} {values.shape}, named_inputs says {wanted}")
    if one.dtype == "uint8" and values.dtype != np.uint8:
        raise RunError(f"{part}: the input {one.name!r} is {values.dtype}, named_inputs says uint8 (0 to 255)")
    if one.dtype == "int32":
        _check_range(part, one, values, 0)
    with np.errstate(over="ignore"):
        cast: Array = values.astype(TYPES[one.dtype], copy=False)
    return cast


def _lengths(part: str, one: Input, given: object, values: Array) -> Array:
    """The lengths of padded sequences: given, or up to the last token that is not 0; floats have full length."""
    if given is not None:
        lengths = np.asanyarray(given)
        if lengths.shape != (len(values),) or lengths.dtype.kind not in "iu":
            told = f"{lengths.dtype} {lengths.shape}"
            raise RunError(f"{part}: {one.name + LENGTH!r} is {told}; give a whole number for each sample")
        _check_lengths(part, one, lengths, 0)
        return lengths
    if one.dtype == "float32" or len(one.shape) > 1:
        return np.full(len(values), one.shape[0])
    found: Array = np.where((values != 0).any(axis=1), one.shape[0] - np.argmax(values[:, ::-1] != 0, axis=1), 1)
    return found


def _check_lengths(part: str, one: Input, lengths: Array, first: int) -> None:
    bad = np.flatnonzero((lengths < 1) | (lengths > one.shape[0]))
    if len(bad):
        told = f"the length {int(lengths[bad[0]])} in the input {one.name!r}; it is 1 to {one.shape[0]}"
        raise RunError(f"{part} sample {first + int(bad[0])} has {told}")


def _pad(part: str, one: Input, samples: Sequence[object], packed: Array) -> None:
    """Write sequences of different lengths into records, with zeros behind them."""
    longest, rest = one.shape[0], one.shape[1:]
    for row, sample in enumerate(samples):
        values = np.asarray(sample)
        where = f"{part} sample {row} of the input {one.name!r}"
        if values.ndim != 1 + len(rest) or (len(values) and values.shape[1:] != rest):
            wanted = f"(steps, {', '.join(map(str, rest))})" if rest else "(steps,)"
            raise RunError(f"{where} has the shape {values.shape}, wanted is {wanted}")
        if not 1 <= len(values) <= longest:
            remedy = "leave it out" if not len(values) else "cut it, or declare a longer shape"
            raise RunError(f"{where} has {plural(len(values), 'step')}, it can have 1 to {longest:,}; {remedy}")
        if values.dtype.kind not in ("iub" if one.dtype == "int32" else "iufb"):
            raise RunError(f"{where} is {values.dtype}, named_inputs says {one.dtype}")
        if one.dtype == "int32":
            _check_range(part, one, values[np.newaxis], row)
        with np.errstate(over="ignore"):
            packed[one.name][row, : len(values)] = values
        packed[one.name + LENGTH][row] = len(values)


def _check_values(part: str, one: Input, x: Array, first: int) -> None:
    """Raise RunError for numbers that are not finite, tokens outside of the vocabulary, and wrong lengths."""
    values = x[one.name]
    if one.padded:
        _check_lengths(part, one, x[one.name + LENGTH], first)
    if one.dtype == "float32":
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(x), -1).all(axis=1))
        if len(bad):
            told = "has values that are not finite float32 numbers; correct or remove it"
            raise RunError(f"{part} sample {first + int(bad[0])} of the input {one.name!r} {told}")
    elif one.dtype == "int32":
        _check_range(part, one, values, first)


def _check_range(part: str, one: Input, values: Array, first: int) -> None:
    limits = np.asarray(one.vocabulary)
    wrong = ((values < 0) | (values >= (limits[0] if len(limits) == 1 else limits))).reshape(len(values), -1)
    bad = np.flatnonzero(wrong.any(axis=1))
    if len(bad):
        place = int(np.argmax(wrong[bad[0]]))
        value, size = int(values[bad[0]].reshape(-1)[place]), int(limits[place % len(limits)])
        told = f"the value {value}, its vocabulary has 0 to {size - 1}"
        raise RunError(f"{part} sample {first + int(bad[0])} of the input {one.name!r} has {told}")
