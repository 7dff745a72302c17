"""Models with named inputs: each framework in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.marks import few

ROOT = Path(__file__).parents[2]
CHECKS = ("several_inputs", "what_is_fed", "a_text_beside_a_table", "conformance", "exports")


@pytest.mark.longest
@pytest.mark.slow(120)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_named_inputs(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"needs {framework}")
    command = [sys.executable, "-m", "tests.plugins.named_checks", framework, *CHECKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
