"""Checks of both frameworks: augmentation, precision and the options that every trainer has; a process for each."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.marks import few

ROOT = Path(__file__).parents[2]
CHECKS = (
    "augmentation_resumes",
    "augmentation_is_cores",
    "crops_are_cores",
    "crops_are_mirrored",
    "masks_change_with_images",
    "unet",
    "borders",
    "heat_maps",
    "heat_shows_the_evidence",
    "precision",
    "fp16",
    "residual_networks",
    "segmentation_resumes",
)

OPTION_CHECKS = (
    "definitions", "resumes", "unfreezing", "a_norm_without_weights_is_not_frozen", "weights_alone_begin_an_average",
    "a_layer_that_is_scaled_to_nothing",
    "shared_weights_survive_an_average", "refused",
)  # fmt: skip


@pytest.mark.slow(35)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 0, long=1))
def test_features(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    features = [*CHECKS, *(["compile"] if framework == "tensorflow" else [])]
    options = ("tests.plugins.option_checks", framework, *OPTION_CHECKS)
    if framework == "torch":
        run_child("tests.plugins.feature_checks", framework, *features, ",", *options)
        return
    # They use other numbers of threads, which TensorFlow does not change in a process.
    run_child("tests.plugins.feature_checks", framework, *features)
    run_child(*options)


@pytest.mark.longest
def test_resnet() -> None:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    run_child("tests.plugins.feature_checks", "torch", "resnet")


def run_child(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.plugins.one_process", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
