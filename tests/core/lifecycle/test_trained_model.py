"""A trained model is loaded with the hyperparameters of its run, whatever an author bounds them by."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dltui.core.errors import DltuiError
from dltui.core.lifecycle.trained_model import load_trained_model
from dltui.core.train.options import class_weights
from tests.faults.lab import SOURCE, Lab

PLUGIN = """
from dataclasses import replace
from typing import Literal
from pydantic import Field, model_validator
from dltui import hookimpl
from tests.fakes import fake_plugin as fake

class Config(fake.SoftmaxConfig):
    ema: float = Field(0.9, ge=0.5, lt=1, description="an average is kept in any case")
    deterministic: bool = Field(True, description="x")
    precision: Literal["bf16", "fp16"] = "bf16"
    width: int = Field(4, ge=1, le=WIDEST, description="x")

    @model_validator(mode="after")
    def _check(self):
        if not self.deterministic:
            raise ValueError("it repeats to the last bit")
        return self

@hookimpl
def dltui_models():
    return [replace(fake.dltui_models()[0], config=Config)]
"""


def plugin(folder: Path, widest: int) -> dict[str, str]:
    file = folder / f"strict{widest}.py"
    file.write_text(PLUGIN.replace("WIDEST", str(widest)))
    return {"kind": "file", "name": file.name, "path": str(file)}


def test_bounds_of_training_do_not_hold_for_what_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    lab = Lab(tmp_path)
    run = lab.new_run(epochs=1)
    lab.finish(run)
    own = {"ema": 0.5, "deterministic": True, "precision": "bf16", "width": 8}
    instead = {"model_source": plugin(tmp_path, 9), "backend_source": SOURCE, "config": run.run()["config"] | own}
    found = load_trained_model(run, instead)
    assert (found.config.ema, found.config.deterministic, found.config.precision) == (0.0, False, "fp32")
    assert (found.config.epochs, found.config.width) == (1, 8)  # type: ignore[attr-defined]
    # Those of the run itself still count, and are told in a line.
    with pytest.raises(DltuiError, match=r"^width must be a whole number from 1 to 7, got 8$"):
        load_trained_model(run, instead | {"model_source": plugin(tmp_path, 7)})


def test_a_first_class_without_a_weight_is_no_reason_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network for prediction has rows of the first class alone in place of its training rows."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    lab = Lab(tmp_path)
    run = lab.new_run(epochs=1)
    lab.finish(run)
    config = run.run()["config"]
    classes = load_trained_model(run, {}).spec.outputs
    found = load_trained_model(run, {"config": config | {"class_weights": "0" + ",1" * (classes - 1)}})
    rows = found._split(np.zeros((2, *found.spec.input_shape), np.uint8))
    assert class_weights.weights(found.config.class_weights, rows.y, classes) is None
