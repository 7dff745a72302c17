"""The largest power of two that fits is found with few trials, none of them beyond what may be asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dltui.core.finders.batch_fit import MARGIN, STEPS_AN_EPOCH, Found, estimate, most, search


class Memory:
    """A trial that fails past a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.tried: list[int] = []

    def __call__(self, batch: int) -> bool:
        self.tried.append(batch)
        return batch <= self.limit


@given(limit=st.integers(0, 200_000), power=st.integers(0, 16))
def test_the_largest_that_fits_with_a_margin(limit: int, power: int) -> None:
    highest, memory = 2**power, Memory(limit)
    found = search(memory, highest)
    fitting = [2**n for n in range(power + 1) if 2**n + 2**n // MARGIN <= limit]
    assert found == (Found(fitting[-1], "steps" if fitting[-1] == highest else "memory") if fitting else None)
    assert max(memory.tried) <= highest + highest // MARGIN
    assert len(memory.tried) <= 12
    assert len([batch for batch in memory.tried if batch > limit]) <= 6, "out of memory seldom"


def test_it_ends_at_the_first_that_does_not_fit() -> None:
    memory = Memory(600)
    assert search(memory, 4096) == Found(512, "memory")
    assert memory.tried == [36, 72, 144, 288, 576, 1152]
    assert search(Memory(20), 4096) == Found(16, "memory")
    assert search(Memory(20), 4096, least=32) is None


@given(samples=st.integers(1, 10**7))
def test_ten_steps_an_epoch_are_left(samples: int) -> None:
    found = most(samples, 65_536)
    assert found & (found - 1) == 0
    assert found == 1 or samples // found >= STEPS_AN_EPOCH
    assert found == 65_536 or samples // (2 * found) < STEPS_AN_EPOCH
    assert most(samples, 65_536, least=256) == max(found, 256)


def test_an_estimate_takes_half_of_the_memory() -> None:
    assert estimate(lambda batch: 1000 * batch, 1_200_000, 4096) == Found(512, "memory")
    assert estimate(lambda batch: 1000 * batch, 10**9, 4096) == Found(4096, "steps")
    assert estimate(lambda batch: 1000 * batch + 10**6, 10**6, 4096) is None
