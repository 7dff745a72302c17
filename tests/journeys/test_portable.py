"""A trained model elsewhere: exported, run by onnxruntime and by its own script, and asked about images."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from dltui.core.catalog.sources import own
from dltui.core.data.prepared import load_prepared
from dltui.core.reading.reader import RunReader
from dltui.tui.cli import main

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"
NATIVE = {"torch": "torch", "tensorflow": "keras"}
# In a process of its own, where neither framework is.
RUN = """
import sys, numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
assert "torch" not in sys.modules and "tensorflow" not in sys.modules
np.save(sys.argv[3], session.run(["outputs"], {"samples": np.load(sys.argv[2]).astype(np.float32)})[0])
"""
Said = Callable[..., tuple[int, str]]


@pytest.fixture
def dltui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        code = main.run(list(words))
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", pytest.param("tensorflow", marks=pytest.mark.long)])
def test_the_cnn_gives_the_same_predictions_elsewhere(dltui: Said, tmp_path: Path, framework: str) -> None:
    needed = ("onnx", "onnxruntime", "onnxscript" if framework == "torch" else "tf2onnx")
    for package in (framework, *needed):
        if own().version(package) is None:
            pytest.skip(f"{package} is not installed")
    words = ("--dataset", "digits", "--epochs", "2", "--device", "cpu", "--plain", "--name", "one")
    assert dltui("train", f"cnn-{framework}", *words)[0] == 0
    native = NATIVE[framework]
    code, said = dltui("export", "one", "--format", f"onnx,safetensors,{native}", "--to", "out")
    assert code == 0, said
    folder = tmp_path / "out" / "one"
    (prepared,) = (tmp_path / "home" / "cache" / "datasets").glob("digits-*")
    np.save("x.npy", load_prepared(prepared).test.x)
    subprocess.run([sys.executable, "-c", RUN, str(folder / "model.onnx"), "x.npy", "y.npy"], check=True)
    outputs = np.load("y.npy").astype(np.float64)
    chances = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    arrays = RunReader(tmp_path / "home" / "runs" / "one").predictions("test")
    assert arrays is not None
    assert (outputs.argmax(axis=1) == arrays["top"][:, 0]).all()
    assert np.allclose(np.sort(chances)[:, ::-1][:, :5], arrays["probabilities"], atol=1e-3)
    _check_scripts(dltui, folder, native)


def _check_scripts(dltui: Said, folder: Path, native: str) -> None:
    """`predict.py` of both formats says what `dltui predict` says."""
    Image.fromarray((load_digits().images[7] * 255 / 16).astype("uint8")).save("seven é.png")
    code, said = dltui("predict", "one", "seven é.png", "--json")
    assert code == 0
    (row,) = json.loads(said)
    best = row["best"][0]
    assert best["class"] == "7"
    for form in ("onnx", native):
        assert dltui("export", "one", "--format", form, "--to", "out")[0] == 0
        command = [sys.executable, str(folder / "predict.py"), "seven é.png"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"seven é.png  7 {best['probability']:.1%}"[:-2])


@pytest.mark.slow
def test_a_backend_without_formats_predicts_all_the_same(dltui: Said, tmp_path: Path) -> None:
    words = ("--dataset", "blobs", "--device", "cpu", "--plain", "--name", "one")
    assert dltui("train", "softmax-numpy", "--plugin", str(FAKE), *words)[0] == 0
    spot = np.zeros((8, 8), np.uint8)
    spot[3:5, 5] = 250
    Image.fromarray(spot).resize((64, 64), Image.Resampling.NEAREST).convert("RGB").save("spot.png")
    code, said = dltui("predict", "one", "spot.png")
    assert (code, said.split()[:2]) == (0, ["spot.png:", "right"])
    Path("text.png").write_text("not an image")
    assert (
        dltui("predict", "one", "text.png")[1]
        == f"dltui: {tmp_path / 'text.png'}: it is not an image that can be read\n"
    )
    assert dltui("predict", "one", "gone.png") == (2, "dltui: no image gone.png\n")
    assert dltui("export", "one", "--format", "onnx") == (
        1,
        "dltui: NumPy does not write onnx; it has safetensors alone\n",
    )
    assert not list((tmp_path / "exports" / "one").glob("*.onnx"))
    assert dltui("export", "one", "--format", "svg,onnx")[0] == 2
