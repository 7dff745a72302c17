"""What cannot be trained on several devices is refused in one line, before there is a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from dltui.core.catalog.entries import BackendEntry
from dltui.core.contract.ranks import SPREADS, Spread, spreading
from dltui.core.errors import UsageError
from dltui.core.train.options.check_options import check_kind, check_ranks

BACKEND = BackendEntry("torch", "PyTorch", "torch", "", "python", "2", "", {}, spread="ranks")


@pytest.mark.parametrize(
    ("config", "spread", "told"),
    [
        ({"batch_size": 64}, "", "PyTorch trains on one device, not on cpu:4"),
        ({"batch_size": 3}, "ranks", "batch_size is 3; take a larger batch"),
        ({"batch_size": 12, "accumulate": 4}, "ranks", "accumulate 4 leaves parts of 3"),
        ({"batch_size": 64, "compile": "on"}, "replicas", "compile on is for one device"),
    ],
)
def test_refused(config: dict[str, Any], spread: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        check_ranks(config, "cpu:4", 4, replace(BACKEND, spread=spread))
    assert "\n" not in str(raised.value)
    check_ranks(config, "cpu", 1, replace(BACKEND, spread=spread))


def test_a_device_that_a_framework_cannot_use() -> None:
    for device in ("mps", "cpu:2", "cuda:0,cuda:1"):
        check_kind(device, BACKEND)
    check_kind("cpu:2", replace(BACKEND, kinds=("cpu", "cuda")))
    with pytest.raises(UsageError, match=r"^PyTorch cannot train on mps; it can use cpu and cuda$"):
        check_kind("mps", replace(BACKEND, kinds=("cpu", "cuda")))


def test_each_way_is_known() -> None:
    assert SPREADS.keys() == set(get_args(Spread))
    assert [word for word, one in SPREADS.items() if one.joins] == ["ranks", "replicas+ranks"]
    assert [word for word, one in SPREADS.items() if one.whole] == ["replicas+ranks"]
    assert spreading(object()) == spreading(replace(BACKEND, spread=""))
    with pytest.raises(UsageError, match="trains in one process, not in 2; let the launcher start one worker"):
        check_ranks({}, "2 workers", 2, replace(BACKEND, spread="replicas"), far=True)
    check_ranks({}, "2 workers", 2, replace(BACKEND, spread="replicas+ranks"), far=True)


def test_taken() -> None:
    check_ranks({"batch_size": 16, "accumulate": 4, "compile": "auto"}, "cpu:4", 4, BACKEND)
    check_ranks({}, "cpu:4", 4, BACKEND)
