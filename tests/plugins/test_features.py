"""What both frameworks can do: augmentation and precision, each framework in a process of its own."""

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
    "masks_change_with_images",
    "unet",
    "borders",
    "precision",
    "fp16",
    "residual_networks",
    "segmentation_resumes",
)


@pytest.mark.slow(35)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1))
def test_features(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    run_child(framework, *CHECKS, *(["compile"] if framework == "tensorflow" else []))


@pytest.mark.long
def test_resnet() -> None:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    run_child("torch", "resnet")


def run_child(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.plugins.feature_checks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
