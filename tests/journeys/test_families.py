"""A member of a family is a model like any other: trained, resumed, exported, and told about in one line when wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.journeys.program import Program

FAKES = Path(__file__).parents[1] / "fakes"
PLUGINS = ("--plugin", str(FAKES / "fake_plugin.py"), "--plugin", str(FAKES / "fake_family.py"))
TOY = ("--dataset", "blobs", "--device", "cpu", "--plain", *PLUGINS)


@pytest.mark.longest
def test_a_member_trains_and_goes_on(program: Program) -> None:
    program("train", "toy:large", *TOY, "--name", "r", "--epochs", "1")
    run = json.loads((program.run("r") / "run.json").read_text())
    assert (run["model"], run["model_name"], run["framework"]) == ("toy:large", "toy:large", "numpy")
    assert run["model_source"]["name"] == "fake_family.py"
    program("resume", "r", "--more-epochs", "1", "--plain")
    assert len(program.reader("r").history.epochs) == 2
    program("fork", "r", "--name", "f", "--epochs", "3", "--plain")
    assert json.loads((program.run("f") / "run.json").read_text())["model"] == "toy:large"
    assert "toy:large" in program("runs").stdout
    again = program("train", "--like", "r", "--name", "again", "--plain", "--epochs", "1").stdout
    assert "again: toy:large on blobs" in again


@pytest.mark.longest
def test_the_weights_of_the_family_come_first(program: Program) -> None:
    """Not again when the run goes on: then its own weights count."""
    from safetensors.numpy import load_file

    def biases() -> np.ndarray:
        return load_file(program.folder / "exports" / "r" / "model.safetensors")["dense/bias"]

    slow = ("--lr", "1e-9", "--epochs", "1")
    program("train", "toy:small", *TOY, "--name", "r", *slow, "--bias", "3")
    np.testing.assert_allclose(biases(), 3, atol=1e-3)
    program("resume", "r", "--more-epochs", "1", "--plain")
    np.testing.assert_allclose(biases(), 3, atol=1e-3)


def test_what_is_wrong_is_one_line(program: Program) -> None:
    wrong = program("train", "toy:smal", *TOY, code=2).stderr
    assert wrong == 'dltui: no model "toy:smal"; did you mean toy:small?\n'
    lost = program("train", "toy:lost", *TOY, "--name", "r", code=2).stderr
    assert lost == "dltui: toy:lost has no weights here; give others (fake_family.py line 57); nothing is left of r\n"
    assert not list((program.home / "runs").glob("*"))
    assert not (program.folder / "exports").exists()
    twin = program("twin", "toy:small", *TOY[:-4], *PLUGINS, code=2).stderr
    assert twin == "dltui: toy:small has no twin: members of a family exist in one framework\n"
    none = program("train", "toy:small", "--dataset", "blobs", code=2).stderr
    assert none.startswith('dltui: no model "toy:small"; dltui models lists them')
