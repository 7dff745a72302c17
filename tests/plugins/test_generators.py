"""Python's and NumPy's random numbers: seeded, saved and restored to the last bit."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.plugins import generators


@pytest.fixture(autouse=True)
def others_are_left_alone() -> Iterator[None]:
    before = random.getstate(), np.random.get_state()
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])


def drawn() -> list[float]:
    return [random.random(), random.gauss(0, 1), float(np.random.rand()), float(np.random.randn())]


def restore(state: dict[str, np.ndarray]) -> None:
    for change in [generators.change(key, array) for key, array in state.items()]:
        change()


@pytest.mark.parametrize("before", range(3))
def test_a_state_brings_the_same_numbers_again(before: int) -> None:
    """With and without a normal number that was drawn too many."""
    generators.seed(7)
    for _ in range(before):
        drawn()
    state = generators.take()
    first = [drawn() for _ in range(400)]
    generators.seed(8)
    restore(state)
    assert [drawn() for _ in range(400)] == first


def test_a_seed_means_the_same_numbers() -> None:
    generators.seed(7)
    first = drawn()
    generators.seed(7)
    assert drawn() == first


def test_what_does_not_fit_changes_nothing() -> None:
    generators.seed(7)
    with pytest.raises(RunError, match="rng/numpy has shape"):
        restore({"rng/python": generators.take()["rng/python"], "rng/numpy": np.zeros(3, np.uint32)})
