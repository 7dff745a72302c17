"""The worker's own manners, on the fake plugin: debug, dry runs, damage, refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "3", "--name", "r")


def test_a_damaged_best_checkpoint_costs_only_the_best(program: Program) -> None:
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.1", "--detach")
    program.wait("r", lambda live: live.epoch >= 2)
    best = program.reader("r").history.best
    assert best is not None
    for folder in program.run("r").glob(f"checkpoints/*{best.step:08d}"):
        (folder / "state.safetensors").write_bytes(b"damaged")
    program("stop", "r")
    program.wait("r", lambda live: live.phase == "ended")
    reader = program.reader("r")
    assert reader.status().name == "stopped"
    assert reader.history.test is not None
    assert any("damaged" in text for _, level, text in reader.history.logs if level == "error")


def test_a_second_worker_refuses_and_the_first_goes_on(program: Program) -> None:
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.05", "--detach")
    live = program.wait("r", lambda live: live.step > 0)
    second = subprocess.run(
        [sys.executable, "-P", "-m", "dltui.core.worker", str(program.run("r"))],
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"is running, pid {live.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    program.wait("r", lambda live: live.phase == "ended")
    assert program.reader("r").status().name == "finished"


def test_a_run_leaves_private_files_and_no_unfinished_ones(program: Program) -> None:
    program("train", "softmax-numpy", *FAST)
    paths = list((program.home / "runs").rglob("*"))
    assert len(paths) > 10
    assert not [path for path in paths if path.stat().st_mode & 0o077]
    assert not [path for path in paths if path.name.endswith(".tmp")]
    assert not list(Path(program.folder / "exports").rglob(".*"))
