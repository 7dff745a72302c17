"""The options that every trainer has, in both frameworks, each in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.marks import few

ROOT = Path(__file__).parents[2]
CHECKS = (
    "definitions", "resumes", "unfreezing", "a_norm_without_weights_is_not_frozen",
    "weights_alone_begin_an_average", "a_layer_that_is_scaled_to_nothing",
    "shared_weights_survive_an_average", "refused",
)  # fmt: skip


@pytest.mark.slow(30)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1))
def test_options(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    command = [sys.executable, "-m", "tests.plugins.option_checks", framework, *CHECKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
