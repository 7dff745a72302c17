"""The random number generators of Python and NumPy: seeded with a run, and kept in its state beside the framework's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.errors import RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, State

PYTHON, NUMPY = "rng/python", "rng/numpy"
KEYS = (PYTHON, NUMPY)
KINDS: tuple[type, ...] = (np.random.Generator, np.random.RandomState, random.Random)
"""The classes of random generators with a state of their own."""
WORDS = {PYTHON: 628, NUMPY: 628}
"""The lengths of both: what the Mersenne Twister keeps, and a normal number that was drawn too many."""


def seed(value: int) -> None:
    random.seed(value)
    np.random.seed(value)


def take() -> State:
    """Copies of both states as uint32. NumPy's is left out where a plugin replaced its generator by another type."""
    _, words, spare = random.getstate()
    state: State = {PYTHON: np.array([*words, *_spare(spare)], dtype=np.uint32)}
    kind, keys, position, has_spare, drawn = np.random.get_state(legacy=True)
    if kind == "MT19937":
        state[NUMPY] = np.array([*keys, position, *_spare(float(drawn) if has_spare else None)], dtype=np.uint32)
    return state


def change(key: str, array: Array) -> Callable[[], None]:
    """A function that sets the state of one generator. Raises RunError when the state does not fit, and then nothing is
    changed.
    """
    if array.shape != (WORDS[key],):
        raise RunError(f"{key} has shape {array.shape}, this Python needs {(WORDS[key],)}")
    words = np.asarray(array, dtype=np.uint32)
    if key == PYTHON:
        return lambda: random.setstate((3, tuple(int(word) for word in words[:-3]), _drawn(words[-3:])))
    drawn = _drawn(words[-3:])
    legacy = ("MT19937", words[:-4], int(words[-4]), int(drawn is not None), drawn or 0.0)
    return lambda: np.random.set_state(legacy)


def unsaved(parts: Iterable[object], kinds: tuple[type, ...] = ()) -> Iterator[str]:
    """Lines about random generators in the parts of a network; `kinds` are the classes of the framework."""
    for part in parts:
        for name, value in vars(part).items():
            if isinstance(value, (*KINDS, *kinds)):
                yield (
                    f"{clean_line(type(part).__name__, 60)}.{clean_line(name, 60)} draws its own random numbers, which "
                    "no checkpoint holds: a resumed run draws others; take those of numpy.random or of the framework"
                )


def _spare(drawn: float | None) -> list[int]:
    """The spare normal number of a generator as three words: 1 if there is a number else 0, and its 64 bits."""
    bits = np.array([drawn or 0.0], dtype=np.float64).view(np.uint32)
    return [int(drawn is not None), int(bits[0]), int(bits[1])]


def _drawn(words: Array) -> float | None:
    return float(np.array(words[1:], dtype=np.uint32).view(np.float64)[0]) if words[0] else None
