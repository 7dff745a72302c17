"""The TensorFlow plugin. TensorFlow and PyTorch are imported in child processes only: they cannot share one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CHECKS = (
    "resume_mid_epoch",
    "chunks_do_not_matter",
    "predict_changes_nothing",
    "shapes",
    "learns",
    "recovers_a_line",
    "misfits",
    "devices",
    "own_parts",
    "batch_norm",
)

needs_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")
needs_both = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("tensorflow", "torch")), reason="needs both frameworks"
)


def run_child(module: str, *arguments: str) -> str:
    """Run a module of the tests; its output. Fails the test with what the child said."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_listing_imports_no_framework() -> None:
    code = (
        "import sys, dltui.plugins.tensorflow as p; p.dltui_models(); p.dltui_backends();"
        "print([name for name in ('tensorflow', 'keras', 'torch', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_tensorflow
@pytest.mark.parametrize("name", CHECKS)
def test_in_its_own_process(name: str) -> None:
    run_child("tests.plugins.tensorflow_checks", name)


@needs_tensorflow
def test_optimizers_follow_pytorch() -> None:
    run_child("tests.plugins.optimizer_checks")


def train_twins(folder: Path, model: str, dtype: str, **config: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both frameworks from PyTorch's initial weights over the same batches; what each of them wrote."""
    results: list[dict[str, Any]] = []
    for framework in ("torch", "tensorflow"):
        job = {
            "framework": framework,
            "model": model,
            "config": {"epochs": 2, "batch_size": 64, **config},
            "dtype": dtype,
            "start": str(folder / "torch.npz") if results else None,
            "result": str(folder / f"{framework}.npz"),
        }
        path = folder / f"{framework}.json"
        path.write_text(json.dumps(job))
        run_child("tests.plugins.twin_child", str(path))
        with np.load(folder / f"{framework}.npz") as file:
            results.append(dict(file))
    assert results[0].keys() == results[1].keys()
    return results[0], results[1]


SGD: dict[str, Any] = {"weight_decay": 0.01}
ADAMW: dict[str, Any] = {"optimizer": "adamw", "lr": 0.001, "weight_decay": 0.1}


@needs_both
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "config"),
    [("softmax", SGD), ("mlp", ADAMW), ("cnn", SGD), ("cnn", ADAMW), ("linear-regression", {"momentum": 0.0})],
)
def test_twins_agree_in_double_precision(tmp_path: Path, model: str, config: dict[str, Any]) -> None:
    one, other = train_twins(tmp_path, model, "float64", **config)
    np.testing.assert_allclose(one["losses"], other["losses"], rtol=1e-12)
    for key in one:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-6, atol=1e-8, err_msg=key)


@needs_both
@pytest.mark.slow
@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_twins_agree_in_single_precision(tmp_path: Path, model: str) -> None:
    one, other = train_twins(tmp_path, model, "float32")
    assert np.abs(one["logits"] - other["logits"]).max() < 1e-4
    np.testing.assert_allclose(one["losses"], other["losses"], rtol=1e-4)
    assert np.abs(one["logits_after"] - other["logits_after"]).max() < 1e-3
