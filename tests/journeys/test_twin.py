"""`dltui twin` with both frameworks, each in a worker of its own."""

from __future__ import annotations

import importlib.util
import json

import pytest

from tests.helpers.marks import few
from tests.journeys.program import Program

pytestmark = pytest.mark.slow


@pytest.mark.longest
@pytest.mark.slow(16)
@pytest.mark.parametrize("model", few(["softmax", "cnn"], 1, long=0))
def test_twins_agree_on_augmented_digits(program: Program, model: str) -> None:
    if not all(importlib.util.find_spec(name) for name in ("torch", "tensorflow")):
        pytest.skip("needs both frameworks")
    done = program(
        "twin", model, "--dataset", "digits", "--epochs", "2", "--augment", "flip+shift", "--threads", "1", "--json"
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["type"] == "compared"
    assert [found[side]["framework"] for side in ("first", "second")] == ["torch", "tensorflow"]
    assert found["images"] == 360
    assert 0 <= found["logits"] < 1e-4
    assert found["steps"] >= 10
    assert found["losses_near"] < 1e-3
    assert abs(found["first"]["test"] - found["second"]["test"]) < 0.05
    assert found["speed"] > 0
    names = [found[side]["run"] for side in ("first", "second")]
    assert names == [f"twin-{model}-torch", f"twin-{model}-tensorflow"]


def test_a_model_of_one_framework_has_no_twin(program: Program) -> None:
    done = program("twin", "resnet18", code=2)
    assert done.stderr.startswith("dltui: ")
    assert "resnet18" in done.stderr
    assert not list(program.home.glob("runs/*"))
