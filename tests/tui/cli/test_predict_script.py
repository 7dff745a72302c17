"""The predict.py of a model with named inputs reads samples from a .npz file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dltui.tui.cli.templates.predict_script import named_script

NAMED = [
    {"name": "steps", "shape": [4, 2], "dtype": "float32", "padded": True},
    {"name": "ward", "shape": [], "dtype": "int32", "padded": False},
]
# A session that gives for each sample the sum of what its mask shows, and the ward.
RUNTIME = """
import numpy as np

class Given:
    def __init__(self, name, type):
        self.name, self.type = name, type

class InferenceSession:
    def __init__(self, file, providers):
        pass
    def get_inputs(self):
        return [Given("steps", "tensor(float)"), Given("steps_mask", "tensor(bool)"), Given("ward", "tensor(int64)")]
    def run(self, wanted, given):
        assert [given[name].dtype.name for name in ("steps", "steps_mask", "ward")] == ["float32", "bool", "int64"]
        shown = given["steps"].sum(axis=2) * given["steps_mask"]
        return [np.stack([shown.sum(axis=1), given["ward"]], axis=1).astype(np.float32)]
"""


def said(place: Path, task: str, **arrays: object) -> tuple[int, str]:
    (place / "onnxruntime.py").write_text(RUNTIME)
    classes = [] if task == "regression" else ["a", "b"]
    (place / "model.json").write_text(json.dumps({"classes": classes, "task": task, "named_inputs": NAMED}))
    (place / "predict.py").write_text(named_script("onnx", "onnx", [str(one["name"]) for one in NAMED]))
    np.savez(place / "x.npz", **arrays)  # type: ignore[arg-type]
    words = [sys.executable, "predict.py", "x.npz"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("regression", ["x.npz 0  6  0", "x.npz 1  2  1"]),
        ("classification", ["x.npz 0  a 99.75%  b 0.25%", "x.npz 1  a 73.11%  b 26.89%"]),
        ("multilabel", ["x.npz 0  a 99.75%  b 50.00%", "x.npz 1  a 88.08%  b 73.11%"]),
    ],
)
def test_samples_are_padded_masked_and_told(tmp_path: Path, task: str, told: list[str]) -> None:
    arrays = {"steps": np.ones((2, 3, 2)), "steps_length": [3, 1], "ward": [0, 1]}
    assert said(tmp_path, task, **arrays) == (0, "\n".join([*told, ""]))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"steps": np.ones((2, 3, 2))}, "x.npz has no array 'ward'; it needs steps, ward"),
        (
            {"steps": np.ones((2, 3, 1)), "ward": [0]},
            "x.npz: steps has samples of shape (4, 1), the model takes (4, 2)",
        ),
        ({"steps": np.array([[1], None], dtype=object), "ward": [0]}, "x.npz is no .npz file of arrays (ValueError)"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    assert said(tmp_path, "regression", **arrays) == (1, f"{told}\n")
