"""Every model that ships trains for real, resumes bit for bit, and repeats itself."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.helpers.marks import few
from tests.journeys.program import Program

pytestmark = pytest.mark.slow

FRAMEWORKS = ("torch", "tensorflow")
# Long enough that a kill after 6,000 steps comes in the middle, at the pace of each.
EPOCHS = {"torch": "40", "tensorflow": "300"}
CLASSIFIERS = {"softmax": 0.90, "mlp": 0.92, "cnn": 0.93}
SUMMARY = {
    "run_id", "model", "framework", "dataset", "device", "seed", "status", "epochs", "best_epoch",
    "validation_accuracy", "test_accuracy", "test_loss", "parameters", "samples_per_second", "train_seconds",
    "weights_sha256", "command", "versions",
}  # fmt: skip


def needs(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")


@pytest.mark.slow(16)
@pytest.mark.parametrize(
    ("name", "framework"),
    [
        # The same engine, and the frameworks have tests of their own that these learn.
        pytest.param("mlp", "torch", marks=pytest.mark.longest),
        pytest.param("softmax", "torch", marks=pytest.mark.longest),
        pytest.param("cnn", "torch", marks=pytest.mark.longest),
        ("softmax", "tensorflow"),
        pytest.param("mlp", "tensorflow", marks=pytest.mark.longest),
        pytest.param("cnn", "tensorflow", marks=pytest.mark.longest),
    ],
)
def test_a_classifier_learns_digits(program: Program, name: str, framework: str) -> None:
    program.draws()
    needs(framework)
    program("train", f"{name}-{framework}", "--dataset", "digits", "--epochs", "12", "--name", "r", "--threads", "1")
    summary = program.summary("r")
    assert set(summary) >= SUMMARY
    assert summary["status"] == "finished"
    assert summary["test_accuracy"] >= CLASSIFIERS[name]
    exports = program.folder / "exports" / "r"
    for figure in ("training_metrics", "confusion_matrix", "mislabeled"):
        ElementTree.parse(exports / f"{figure}.svg")
    assert (exports / "metrics.csv").read_text().count("\n") == 13
    assert (exports / "model.safetensors").stat().st_size > 1000


@pytest.mark.long
@pytest.mark.parametrize("framework", few(FRAMEWORKS, 1, long=0))
def test_regression_recovers_the_line(program: Program, framework: str) -> None:
    program.draws()
    needs(framework)
    program("train", f"linear-regression-{framework}", "--dataset", "lines", "--name", "r", "--threads", "1")
    summary = program.summary("r")
    slope, intercept = _least_squares(program.run("r"))
    assert summary["slope"] == pytest.approx(slope, abs=0.05)
    assert summary["intercept"] == pytest.approx(intercept, abs=0.05)
    ElementTree.parse(program.folder / "exports" / "r" / "regression.svg")


def _least_squares(run: Path) -> tuple[float, float]:
    import numpy as np

    with np.load(run / "predictions" / "test.npz") as arrays:
        slope, intercept = np.polyfit(arrays["x"][:, 0], arrays["prediction"][:, 0], 1)
    return float(slope), float(intercept)


# Also shown by the hundreds of kills of tests/faults.
@pytest.mark.longest
@pytest.mark.parametrize("framework", few(FRAMEWORKS, 1, long=0))
def test_killed_in_the_middle_and_resumed_is_the_same_run(program: Program, framework: str) -> None:
    program.draws()
    needs(framework)
    common = (
        "train", f"softmax-{framework}", "--dataset", "digits", "--batch-size", "8", "--epochs", EPOCHS[framework],
        "--schedule", "one-cycle", "--seed", "3", "--threads", "1", "--checkpoint-seconds", "0.1", "--detach",
    )  # fmt: skip
    for name in ("whole", "killed"):
        program(*common, "--name", name)
        program("set", name, "lr=0.03", "--at-step", "1000")
    killed = program.wait("killed", lambda live: live.step > 1200)
    os.kill(killed.pid, signal.SIGKILL)
    # It may have died before its first checkpoint after the change; the change holds all the same.
    program.wait_status("killed", "interrupted")
    program.wait("whole", lambda live: live.phase == "ended")
    program("resume", "killed", "--plain")
    whole, resumed = program.summary("whole"), program.summary("killed")
    assert whole["status"] == resumed["status"] == "finished"
    assert program.reader("killed").history.attempts == 2
    assert whole["weights_sha256"] == resumed["weights_sha256"]
    assert whole["test_accuracy"] == resumed["test_accuracy"]
    figure = "training_metrics.svg"
    one, other = (program.folder / "exports" / name / figure for name in ("whole", "killed"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.longest
@pytest.mark.slow(22)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_the_same_command_gives_the_same_bytes(program: Program, framework: str) -> None:
    program.draws()
    needs(framework)
    for name in ("one", "two"):
        program(
            "train", f"cnn-{framework}", "--dataset", "digits", "--epochs", "2", "--name", name, "--threads", "1"
        )  # fmt: skip
    one, two = (program.folder / "exports" / name for name in ("one", "two"))
    assert program.summary("one")["weights_sha256"] == program.summary("two")["weights_sha256"]
    for figure in sorted(path.name for path in one.glob("*.svg")):
        assert (one / figure).read_bytes() == (two / figure).read_bytes(), figure
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
