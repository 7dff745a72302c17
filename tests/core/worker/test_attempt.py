"""The weights with which an attempt evaluates the test split."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.rundir import checkpoint
from dltui.core.worker.attempt import Attempt
from tests.helpers.sample_run import make_sample_run


@pytest.mark.parametrize(("ema", "loaded"), [(0.9, {"weights/w": 1.0, "average/w": 2.0}), (0.0, {"weights/w": 2.0})])
def test_a_best_epoch_with_averages_is_tested_with_these(tmp_path: Path, ema: float, loaded: dict[str, float]) -> None:
    """Also where it is of the parent of a fork that has none: what was best on validation were the averages."""
    run = make_sample_run(tmp_path)
    state = {"weights/w": np.ones(2), "average/w": np.full(2, 2.0), "optimizer/step": np.array(3)}
    best = {"epoch": 20, "step": 500, "value": 0.9}
    checkpoint.save(run, 500, 1, state, {"epoch": 20, "best": best}, True)
    given: list[dict[str, Any]] = []
    loop: Any = SimpleNamespace(
        trainable=SimpleNamespace(load_state=given.append), planner=SimpleNamespace(config=SimpleNamespace(ema=ema))
    )
    attempt: Any = SimpleNamespace(run=run, journal=None)
    assert Attempt._load_best(attempt, loop)
    assert [{name: float(array[0]) for name, array in one.items()} for one in given] == [loaded]
