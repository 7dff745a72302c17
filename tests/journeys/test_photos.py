"""Photos from their files to weights: killed while they are prepared and while they are trained on, all goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.marks import few
from tests.helpers.own_data import SOURCE
from tests.journeys.program import Program
from tests.journeys.test_models import needs

EACH = 20
"""Images of each of three classes: 60 rows are written, then the headers of three files."""
MOMENTS = ((30, 20), (1, 1), (5, 3), (16, 7), (17, 11), (33, 13), (48, 14), (59, 26), (60, 33), (62, 40))
"""Before which write the preparation is killed, and behind which step the training."""
VICTIM = """
import json, os, signal, sys
from dltui.core.data import prepare_process
left = int(sys.argv[1])
real = os.pwrite
def pwrite(*words):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*words)
os.pwrite = pwrite
prepare_process.prepare(json.loads(sys.argv[2]), lambda text, fraction: None)
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for number in range(3 * EACH):
        path = root / "abc"[number % 3] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC).save(path, quality=90)
    return root


def train(program: Program, photos: Path, name: str, *words: str) -> None:
    options = ("--data", "size=64", "--epochs", "5", "--threads", "1", "--checkpoint-seconds", "0.05", "--plain")
    program("train", "cnn-torch", "--dataset", f"folder:{photos}", *options, "--name", name, *words)


@pytest.mark.slow(30)
@pytest.mark.parametrize("moment", few(MOMENTS, 1, long=0))
@pytest.mark.longest
def test_killed_in_preparation_and_training_all_goes_on(
    program: Program, photos: Path, moment: tuple[int, int]
) -> None:
    needs("torch")
    train(program, photos, "whole")
    program.environment["DLTUI_CACHE"] = str(program.folder / "second")
    written, step = moment
    left = killed_preparation(program, photos, written)
    train(program, photos, "r", "--detach")
    (prepared,) = (program.folder / "second" / "datasets").iterdir()
    assert not left.exists(), "what was left is used, and then cleared away"
    kept = (prepared / "kept" / "files.jsonl").read_text().splitlines()
    assert len(kept) == 1 + 3 * EACH
    live = program.wait("r", lambda live: live.step >= step or live.phase == "ended")
    if live.phase != "ended":
        os.kill(live.pid, signal.SIGKILL)
        program.wait_status("r", "interrupted", 20)
        program("resume", "r", "--plain")
    whole, again = program.summary("whole"), program.summary("r")
    assert whole["weights_sha256"] == again["weights_sha256"]
    assert program.reader("r").run["config"]["augment"] == "flip+crop"


def killed_preparation(program: Program, photos: Path, written: int) -> Path:
    """What a preparation leaves that is killed before it writes once more."""
    asked: dict[str, Any] = {"dataset": "folder", "dataset_source": SOURCE}
    asked["dataset_options"] = {"path": str(photos), "size": 64}
    command = [sys.executable, "-c", VICTIM, str(written), json.dumps(asked)]
    done = subprocess.run(command, env=program.environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = (path for path in (program.folder / "second" / "datasets").iterdir() if path.is_dir())
    assert left.name.startswith(".folder-")
    return left
