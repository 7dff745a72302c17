"""How values are written: little bars for a whole run, chances to the nearest percent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dltui.tui.draw.wording import buckets, framework_title, probability, spark


def test_a_trend_is_of_the_whole_run() -> None:
    rising = [number / 55 for number in range(55)]
    bars = spark(buckets(rising, 14), 14)
    assert bars[0] == "▁"
    assert bars[-1] == "█"
    assert list(bars) == sorted(bars)


def test_a_plateau_is_neither_high_nor_low() -> None:
    assert spark([99.0] * 5, 5) == "▄" * 5
    assert spark([0.0] * 5, 5, low=0.0, high=0.0) == "▁" * 5


def test_buckets_lose_nothing_that_fits() -> None:
    assert buckets([1.0, float("nan"), 3.0], 5) == [1.0, 3.0]
    assert buckets([1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]


def test_a_chance_is_rounded() -> None:
    assert [probability(value) for value in (0.589, 0.584, 0.0, 1.0)] == ["59 %", "58 %", "0 %", "100 %"]


def test_a_little_chance_is_not_none() -> None:
    assert [probability(value) for value in (0.0049, 1e-9, 0.005, 0.0051)] == ["<1 %", "<1 %", "<1 %", "1 %"]


def test_a_chance_that_is_almost_one_is_not_certain() -> None:
    assert [probability(value) for value in (0.994, 0.996, 1 - 1e-9, 1.0)] == ["99 %", ">99 %", ">99 %", "100 %"]


def test_a_chance_that_is_no_number_is_called_so() -> None:
    assert probability(float("nan")) == "NaN"


def test_a_framework_is_called_as_its_backend_says() -> None:
    backends: Any = {"jax": SimpleNamespace(title="JAX")}
    assert [framework_title(name, backends) for name in ("jax", "torch", "other")] == ["JAX", "PyTorch", "other"]
