"""`dltui models MODEL`: its hyperparameters, and its layers as a table or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"
BROKEN = """
from dltui import Model, TrainConfig, hookimpl

def build(config, spec):
    raise ValueError("no layers \\x1b[31m today")

@hookimpl
def dltui_models():
    return [Model("broken", "broken", "torch", "classification", "cannot be built", TrainConfig, build)]
"""
Models = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> Models:
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main.run(["models", *arguments, "--plugin", str(FAKE)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_model_is_shown_with_its_layers(models: Models) -> None:
    code, out, err = models("softmax-numpy", "--dataset", "blobs")
    assert (code, err) == (0, "")
    head, rest = out.split("\n\n")
    assert "--batch-size" in head
    assert rest.splitlines() == [
        "structure on blobs: 1 layer, 195 parameters",
        "LAYER  KIND   OUTPUT     PARAMETERS",
        "input         8 x 8 x 1",
        "dense  Dense  3                 195",
    ]


def test_layers_are_in_the_json_of_one_model_and_not_in_the_list(models: Models) -> None:
    code, out, _ = models("softmax-numpy", "--dataset", "blobs", "--json")
    assert code == 0
    (found,) = json.loads(out)
    assert found["layers"] == [{"name": "dense", "kind": "Dense", "output": [3], "parameters": 195}]
    code, out, _ = models("--json")
    assert code == 0
    assert all("layers" not in entry for entry in json.loads(out))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("softmax-numpy", "--dataset", "blbs"), 'no dataset "blbs"; did you mean blobs?'),
        (
            ("linear-regression-numpy", "--dataset", "blobs"),
            "linear-regression-numpy is for regression, blobs for classification",
        ),
        (("--dataset", "blobs"), "--dataset shows the structure of one model"),
    ],
)
def test_what_cannot_be_shown_is_one_line(models: Models, arguments: tuple[str, ...], line: str) -> None:
    code, out, err = models(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"dltui: {line}")
    assert err.count("\n") == 1


def test_a_model_that_cannot_be_built_is_still_described(models: Models, tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    file = tmp_path / "broken.py"
    file.write_text(BROKEN)
    code, out, err = models("broken", "--plugin", str(file))
    assert code == 0
    assert "--lr" in out
    assert err.startswith("its structure cannot be shown: ")
    assert "no layers" in err
    assert "\x1b" not in err
    assert err.count("\n") == 1
    (found,) = json.loads(models("broken", "--json", "--plugin", str(file))[1])
    assert found["layers"] is None
    assert "no layers" in found["problem"]


def test_the_json_lists_families_and_all_tasks_as_the_text_does(models: Models) -> None:
    family = str(FAKE.with_name("fake_family.py"))
    code, out, err = models("--json", "--plugin", family)
    assert (code, err) == (0, "")
    known = {entry["id"]: entry for entry in json.loads(out)}
    assert (known["toy:NAME"]["family"], known["toy:NAME"]["name"]) == (True, "toy")
    assert [one["name"] for one in known["toy:NAME"]["hyperparameters"]].count("bias") == 1
    assert (known["softmax-numpy"]["family"], known["softmax-numpy"]["tasks"][0]) == (False, "classification")
    assert any(len(entry["tasks"]) > 1 for entry in known.values())
    listed = models("--plugin", family)[1]
    assert all(name in listed for name in known)


def test_a_plugin_that_cannot_be_loaded_is_named_beside_the_json(models: Models, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("raise ValueError('not today')\n")
    for words in (("--json",), (), ("softmax-numpy", "--json")):
        code, out, err = models(*words, "--plugin", str(file))
        assert (code, out != "", err.count("\n")) == (0, True, 1)
        assert err.startswith("plugin mine.py: ")
        assert "not today" in err


def test_the_json_has_the_layers(models: Models) -> None:
    (found,) = json.loads(models("softmax-numpy", "--dataset", "blobs", "--json")[1])
    assert (bool(found["layers"]), found["problem"]) == (True, "")
