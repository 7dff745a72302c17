"""Workers, and what is around them, killed with SIGKILL at random moments: nothing corrupt, nothing lost, the same
weights at the end.

The frameworks run in child processes: `python -m tests.faults.kills` and `python -m tests.faults.kills_around`, which
can also be started by hand.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.marks import few, is_long

ROOT = Path(__file__).parents[2]
SHARES = 2
"""Processes that share the kills of PyTorch."""

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
needs_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def how_many(config: pytest.Config) -> tuple[int, int]:
    """Kills of PyTorch's and of TensorFlow's workers."""
    asked = config.getoption("--kills")
    if asked is not None:
        return asked, -(-asked // 5)
    if config.getoption("--longest"):
        return 60, 6
    # One of the shares comes without `--longest`.
    return (12 if is_long(config) else 6), 3


def run_child(*arguments: str, module: str = "kills") -> None:
    command = [sys.executable, "-m", f"tests.faults.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    # The table, with `pytest -s` or in the report of a failure.
    print(done.stdout, done.stderr[-2000:], sep="\n")  # noqa: T201
    assert done.returncode == 0


@pytest.mark.slow(45)
@needs_torch
@pytest.mark.parametrize("share", few(range(SHARES), 1, long=0))
def test_pytorch_workers(request: pytest.FixtureRequest, share: int) -> None:
    kills = -(-how_many(request.config)[0] // SHARES)
    run_child("torch", "--kills", str(kills), "--seed", str(share))


@pytest.mark.slow(50)
@pytest.mark.longest
@needs_tensorflow
def test_tensorflow_workers(request: pytest.FixtureRequest) -> None:
    run_child("tensorflow", "--kills", str(how_many(request.config)[1]))


@pytest.mark.slow(20)
@needs_torch
@pytest.mark.parametrize("case", few(("sequences", "table", "labels", "targets", "text", "masks", "inputs"), 0, long=0))
def test_pytorch_workers_of_tasks(request: pytest.FixtureRequest, case: str) -> None:
    kills = request.config.getoption("--kills") or (10 if request.config.getoption("--longest") else 2)
    run_child("torch", "--only", case, "--kills", str(kills), module="task_kills")


@pytest.mark.slow(400)
@pytest.mark.longest
@needs_tensorflow
def test_tensorflow_workers_of_tasks(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--kills")
    run_child("tensorflow", "--kills", str(-(-asked // 5) if asked else 3), module="task_kills")


@pytest.mark.slow(90)
@pytest.mark.longest
@needs_torch
@pytest.mark.parametrize("kind", ["ranks", "gathered"])
def test_ranks_of_pytorch(request: pytest.FixtureRequest, kind: str) -> None:
    run_child(kind, "--kills", str(how_many(request.config)[0] // 4))


@pytest.mark.slow(400)
@pytest.mark.longest
@needs_tensorflow
@pytest.mark.parametrize("kind", ["replicas", "gathered-tensorflow"])
def test_several_devices_of_tensorflow(request: pytest.FixtureRequest, kind: str) -> None:
    run_child(kind, "--kills", str(how_many(request.config)[1]))


def around(*arguments: str) -> None:
    run_child(*arguments, module="kills_around")


@pytest.mark.slow(60)
@pytest.mark.longest
@needs_torch
def test_what_is_around_pytorch_workers(request: pytest.FixtureRequest) -> None:
    kills = request.config.getoption("--kills") or (12 if request.config.getoption("--longest") else 4)
    around("torch", "--kills", str(kills))


@pytest.mark.slow(600)
@needs_tensorflow
def test_what_is_around_tensorflow_workers(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--kills")
    if not asked:
        pytest.skip("only with --kills: TensorFlow is imported anew for each attempt")
    around("tensorflow", "--kills", str(-(-asked // 5)))


@pytest.mark.slow(120)
@needs_torch
def test_planted_bugs_around_workers_are_found(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--kills"):
        pytest.skip("only with --kills: it takes minutes")
    around("torch", "--bugs", "--kills", "60")


@pytest.mark.slow(20)
@pytest.mark.longest
@needs_torch
def test_planted_bugs_are_found() -> None:
    run_child("torch", "--bugs", "--kills", "300")


@pytest.mark.slow(60)
@pytest.mark.longest
@needs_torch
def test_a_sweep(request: pytest.FixtureRequest) -> None:
    kills = request.config.getoption("--kills") or 8
    run_child("torch", "--kills", str(kills), "--trials", str(max(2 * kills, 10)), module="sweeps")


@pytest.mark.slow(30)
@pytest.mark.longest
@needs_torch
def test_planted_bugs_of_a_sweep_are_found() -> None:
    run_child("torch", "--bugs", "--trials", "8", module="sweeps")
