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

from dltui.core.catalog.sources import own
from dltui.core.data.prepared import load_prepared
from dltui.core.reading.reader import RunReader
from dltui.tui.cli import main
from tests.helpers.marks import few

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


def _skip_without(framework: str) -> None:
    """Skip where what exports the framework's networks, or runs them, is not installed."""
    for package in (framework, "onnx", "onnxruntime", "onnxscript" if framework == "torch" else "tf2onnx"):
        if own().version(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.mark.longest
@pytest.mark.slow(75)
@pytest.mark.parametrize(
    ("model", "framework"), [("cnn-small", "torch"), pytest.param("cnn", "tensorflow", marks=pytest.mark.longest)]
)
def test_a_network_gives_the_same_predictions_elsewhere(
    dltui: Said, tmp_path: Path, model: str, framework: str
) -> None:
    _skip_without(framework)
    words = ("--dataset", "digits", "--epochs", "2", "--device", "cpu", "--plain", "--name", "one")
    assert dltui("train", f"{model}-{framework}", *words)[0] == 0
    native = NATIVE[framework]
    code, said = dltui("export", "one", "--format", "safetensors,onnx", "--to", "out")
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


@pytest.mark.longest
@pytest.mark.slow(75)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_masks_are_the_same_elsewhere(dltui: Said, tmp_path: Path, framework: str) -> None:
    _skip_without(framework)
    words = ("--dataset", "shapes", "--data", "n=200", "--width", "4", "--depth", "2", "--epochs", "2", "--name", "one")
    assert dltui("train", f"unet-{framework}", *words, "--device", "cpu", "--plain")[0] == 0
    (prepared,) = (tmp_path / "home" / "cache" / "datasets").glob("shapes-*")
    Image.fromarray(load_prepared(prepared).test.x[0]).save("one shape.png")
    code, said = dltui("predict", "one", "one shape.png", "--masks", "masks", "--json")
    assert code == 0, said
    (row,) = json.loads(said)
    with Image.open(row["mask"]) as written:
        assert (written.mode, written.size) == ("P", (32, 32))
        mask = np.asarray(written)
    for form in ("onnx", NATIVE[framework]):
        assert dltui("export", "one", "--format", form, "--to", "out")[0] == 0
        command = [sys.executable, str(tmp_path / "out" / "one" / "predict.py"), "one shape.png"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert all(f"{name} {share:.2%}" in done.stdout for name, share in row["shares"].items())
        with Image.open("one shape.mask.png") as written:
            assert (np.asarray(written) == mask).all()


@pytest.mark.longest
@pytest.mark.slow(40)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_rows_of_a_table_get_the_same_numbers_elsewhere(dltui: Said, tmp_path: Path, framework: str) -> None:
    """By the script of a model of vectors, also of times that are large beside their deviation."""
    _skip_without(framework)
    rows = [(f"{n % 17},5", 1_700_000_000 + 3600 * n, ("red", "blue", "")[n % 3], 5000 + n % 17) for n in range(200)]
    table = ["size;when;color;price", *(";".join(map(str, row)) for row in rows), ""]
    Path("old.csv").write_text("\n".join(table))
    Path("new.csv").write_text("color;when;size\npink;1700000000;1,5\nblue;1700600000;n/a\n;1700300000;20\n")
    words = ("--dataset", "csv:old.csv", "--data", "targets=price", "--epochs", "2", "--device", "cpu", "--name", "one")
    code, said = dltui("train", f"mlp-{framework}", *words, "--plain")
    assert code == 0, said
    code, said = dltui("predict", "one", "new.csv", "--json")
    assert code == 0, said
    outputs = [row["outputs"] for row in json.loads(said)]
    for form in ("onnx", NATIVE[framework]):
        code, said = dltui("export", "one", "--format", form, "--to", "out")
        assert code == 0, said
        command = [sys.executable, str(tmp_path / "out" / "one" / "predict.py"), "new.csv"]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [line.split() for line in done.stdout.splitlines()]
        assert [line[:3] for line in lines] == [["new.csv", "line", str(number)] for number in (2, 3, 4)], done.stderr
        np.testing.assert_allclose([[float(value) for value in line[3:]] for line in lines], outputs, rtol=1e-5)


def _check_scripts(dltui: Said, folder: Path, native: str) -> None:
    """`predict.py` of both formats says what `dltui predict` says."""
    from sklearn.datasets import load_digits

    Image.fromarray((load_digits().images[7] * 255 / 16).astype("uint8")).save("seven é.png")
    code, said = dltui("predict", "one", "seven é.png", "--json")
    assert code == 0
    (row,) = json.loads(said)
    best = row["best"][0]
    assert best["class"] == "7"
    for form in ("onnx", native):
        # The ONNX file is there already.
        assert form == "onnx" or dltui("export", "one", "--format", form, "--to", "out")[0] == 0
        command = [sys.executable, str(folder / "predict.py"), "seven é.png"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"seven é.png  7 {best['probability']:.1%}"[:-2])


@pytest.mark.slow
@pytest.mark.longest
def test_a_backend_without_formats_predicts_all_the_same(dltui: Said, tmp_path: Path) -> None:
    words = ("--dataset", "blobs", "--device", "cpu", "--plain", "--name", "one")
    assert dltui("train", "softmax-numpy", "--plugin", str(FAKE), *words)[0] == 0
    spot = np.zeros((8, 8), np.uint8)
    spot[3:5, 5] = 250
    Image.fromarray(spot).resize((64, 64), Image.Resampling.NEAREST).convert("RGB").save("spot.png")
    code, said = dltui("predict", "one", "spot.png")
    assert (code, said.split()[:2]) == (0, ["spot.png:", "right"])
    Path("text.png").write_text("not an image")
    said = dltui("predict", "one", "text.png")[1]
    assert said == f"dltui: {tmp_path / 'text.png'} cannot be read: not an image\n"
    assert dltui("predict", "one", "gone.png") == (2, "dltui: no such file: gone.png\n")
    assert dltui("export", "one", "--format", "onnx") == (
        1,
        "dltui: NumPy does not write onnx; it has safetensors alone\n",
    )
    assert not list((tmp_path / "exports" / "one").glob("*.onnx"))
    assert dltui("export", "one", "--format", "svg,onnx")[0] == 2


@pytest.mark.slow
@pytest.mark.longest
def test_predict_is_right_on_the_photographs_that_were_trained_on(dltui: Said, tmp_path: Path) -> None:
    """The camera lay on its side, or the subject stands on transparent ground, in 12 bits, or beside the middle."""
    random = np.random.default_rng(0)
    for name in ("up", "down"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(24):
            half = np.zeros((32, 32))
            half[slice(0, 16) if name == "up" else slice(16, 32)] = 1
            gray = np.clip(60 + 140 * half + random.normal(0, 9, half.shape), 0, 255).astype(np.uint8)
            path = tmp_path / "photos" / name / str(number)
            if number % 3 == 0:
                exif = Image.Exif()
                exif[0x0112] = 3
                Image.fromarray(gray).rotate(180).convert("RGB").save(path.with_suffix(".jpg"), exif=exif, quality=95)
            elif number % 3 == 1:
                alpha = Image.fromarray(np.where(half > 0, 40, 220).astype(np.uint8))
                Image.merge("LA", (Image.new("L", (32, 32)), alpha)).save(path.with_suffix(".png"))
            else:
                Image.fromarray(gray.astype(np.uint16) * 16).save(path.with_suffix(".png"))
    words = ("--dataset", "folder:photos", "--data", "fit=pad", "--epochs", "30", "--plain", "--name", "one")
    assert dltui("train", "softmax-numpy", "--plugin", str(FAKE), *words)[0] == 0
    files = sorted(str(path) for path in Path("photos").rglob("*.*"))
    code, said = dltui("predict", "one", *files)
    assert code == 0, said
    wrong = [line for line in said.splitlines() if line.split("/")[1] != line.split(": ")[1].split()[0]]
    assert len(said.splitlines()) == 48
    assert wrong == []
