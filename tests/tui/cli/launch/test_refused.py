"""A run that its own plugin refuses before the first step leaves nothing behind where somebody waits for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few_rows

PLUGIN = """
from dataclasses import replace; from functools import partial
import numpy as np
from dltui import Arrays, RunError, hookimpl
from tests.fakes import fake_plugin as fake

CLASSES = np.arange(8) % 2

def build(config, spec):
    {build}
    return fake.build(config, spec)

class Trainable(fake.NumpyTrainable):
    def advance(self, steps):
        {step}
        return super().advance(steps)
    predict = {predict}
    notes = property({notes})
    def load_state(self, state):
        if "dense/kernel" in state:
            raise RunError("dense/kernel is not part of this model; was the checkpoint made with another one?")
        super().load_state(state)

class Backend(fake.NumpyBackend):
    framework = "odd"
    def trainable(self, model, config, data, device):
        return Trainable(model.build(config, data.spec), config, data)

def prepare(options, context):
    {prepare}
    return fake.make_blobs(options, context)

def initial(config, spec, tell):
    return {initial}

@hookimpl
def dltui_backends():
    return [Backend()]

@hookimpl
def dltui_models():
    own = dict(id="odd", name="odd", framework="odd", build=build, initial=initial, needs_images={images})
    return [replace(fake.dltui_models()[0], **own)]

@hookimpl
def dltui_datasets():
    return [replace(fake.dltui_datasets()[0], name="mine", prepare=prepare)]
"""
HUGE = {"build": "raise RuntimeError('DefaultCPUAllocator: can not allocate memory: you tried to allocate 2e11 bytes')"}
BUILD = {"build": "raise ValueError('only gray images')"}
STEP = {"step": "raise RunError('training_step returned None')"}
MISSING = {"build": "import no_such_module"}
# A network that a library made: no line of the plugin is in its traceback.
LIBRARY = {"predict": "partial(int, 'x')"}
COMPILED = {"notes": "partial(int, 'x')"}
NO_STATE = {"initial": "None"}
NO_ARRAY = {"initial": "{'weights/dense/bias': [0, 0]}"}
MISNAMED = {"initial": "{'dense/kernel': np.zeros((64, 2))}"}
DATA = {"prepare": "return None"}
VECTORS = {"prepare": "return Arrays((np.eye(8), CLASSES), (np.eye(8), CLASSES), ('a', 'b'))", "images": "True"}


SOUND = {
    "build": "pass", "step": "pass", "prepare": "pass", "images": "False", "predict": "fake.NumpyTrainable.predict",
    "notes": "lambda self: ()", "initial": "{}",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    for name, folder in (("DLTUI_HOME", tmp_path / "home"), ("PYTHONPATH", Path(__file__).parents[4])):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(home: Path, faults: dict[str, str], *words: str) -> int:
    text = PLUGIN
    for name, sound in SOUND.items():
        text = text.replace(f"{{{name}}}", faults.get(name, sound))
    (home / "net.py").write_text(text)
    return main.run(
        ["train", "odd", "--plugin", "net.py", "--dataset", "mine", "--epochs", "1", "--name", "first", *words]
    )


@pytest.mark.parametrize(
    ("faults", "why"),
    few_rows(
        [
            (BUILD, "ValueError: only gray images (net.py line 10)"),
            (HUGE, "out of memory while the network is built; try a smaller model (net.py line 10)"),
            (
                MISSING,
                "needs the module no_such_module, which is not installed (net.py line 10); "
                "name it in Model(requires=...)",
            ),
            (COMPILED, "TypeError: 'Trainable' object cannot be interpreted as an integer (net.py line 9)"),
            (NO_STATE, 'initial returned None; return a state {"weights/...": array} (net.py line 33)'),
            (
                MISNAMED,
                "initial returned dense/kernel, which the network does not have; "
                "did you mean weights/dense/kernel? (net.py line 33)",
            ),
            (
                NO_ARRAY,
                'initial returned list as weights/dense/bias; return a state {"weights/...": array} (net.py line 33)',
            ),
            (LIBRARY, "TypeError: int() takes at most 2 arguments (3 given) (net.py line 9)"),
            (STEP, "training_step returned None (net.py line 15)"),
            (DATA, "dataset mine: prepare returned None; end it with return Arrays(...)"),
            (VECTORS, "model odd needs images, dataset mine has none; choose another model"),
        ],
        6,
        long=0,
    ),
)
def test_what_is_refused_leaves_nothing(
    home: Path, faults: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(home, faults, "--plain") == 2
    out, err = capsys.readouterr()
    assert err == f"dltui: {why}; nothing is left of first\n"
    assert "worker.log" not in out
    assert "drawing the figures" not in out
    assert list((home / "home" / "runs").iterdir()) == []
    assert not (home / "exports").exists()


def test_what_nobody_waits_for_is_kept_with_the_reason(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(home, BUILD, "--detach") == 0
    assert main.run(["attach", "first", "--plain"]) == 1
    assert "first failed: ValueError: only gray images (net.py line 10)" in capsys.readouterr().err
    events = [json.loads(line) for line in (home / "home/runs/first/events.jsonl").read_text().splitlines()]
    assert events[-1]["refused"] is True
