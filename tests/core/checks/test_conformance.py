"""`dltui plugins check`: a sound plugin passes, and a plugin with one fault fails the one check that is for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.core.checks.conformance import samples
from dltui.core.checks.conformance.report import CHECKS
from dltui.testing import Conformance, findings
from dltui.tui.cli import main
from tests.helpers.marks import few

HEAD = """
import sys
import time
from dataclasses import replace
import numpy as np
from pydantic import Field
from dltui.core.contract import Exporter
from dltui.core.errors import RunError
from dltui.core.contract.hooks import hookimpl
from tests.fakes import fake_plugin as fake

class Config(fake.SoftmaxConfig):
    pass

class Trainable(fake.NumpyTrainable):
    pass

class Backend(fake.NumpyBackend):
    framework = "bad"
    def trainable(self, model, config, data, device):
        return Trainable(model.build(config, data.spec), config, data)

@hookimpl
def dltui_backends():
    return [Backend()]

@hookimpl
def dltui_models():
    return [replace(fake.dltui_models()[0], id="softmax-bad", framework="bad", config=Config, build=build)]

build = fake.build
"""
FAULTS = {
    "import": "import sklearn",
    "schema": """
class Config(fake.SoftmaxConfig):
    hidden: int = Field(64, description="hidden units")
""",
    "build": """
def build(config, spec):
    if spec.input_shape[2] != 1:
        raise ValueError("only gray images")
    return fake.build(config, spec)
""",
    "learn": """
class Trainable(fake.NumpyTrainable):
    def _update(self, name, gradient, lr):
        super()._update(name, gradient, 1e-6 * lr)
""",
    "state": """
class Trainable(fake.NumpyTrainable):
    def load_state(self, state):
        try:
            super().load_state(state)
        except RunError as error:
            raise KeyError("weights") from error
""",
    "resume": """
class Trainable(fake.NumpyTrainable):
    def state(self):
        return {name: array for name, array in super().state().items() if not name.endswith("momentum")}
""",
    "obey": """
class Trainable(fake.NumpyTrainable):
    def begin_epoch(self, plan):
        # Only in the check's own plan: asleep in all the others the test would take a minute.
        self.slow = plan.steps == 8
        super().begin_epoch(plan)
    def advance(self, steps):
        time.sleep(1.1 if steps == 1 and self.slow else 0)
        return super().advance(steps)
""",
    "telemetry": """
class Trainable(fake.NumpyTrainable):
    def advance(self, steps):
        stats = super().advance(steps)
        return replace(stats, metrics={**stats.metrics, **{f"m{n}": stats.loss for n in range(4000)}})
    def predict(self, split, rows):
        return super().predict(split, rows)
""",
    "quiet": """
class Trainable(fake.NumpyTrainable):
    def begin_epoch(self, plan):
        print("epoch", plan.epoch)
        super().begin_epoch(plan)
""",
    "export": """
@hookimpl
def dltui_exporters():
    return [Exporter("broken", "table", lambda run, target: target.write_text("<svg>"), "svg")]
""",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow(20)
@pytest.mark.parametrize("fault", few(["", *FAULTS], 3))
def test_a_fault_fails_exactly_its_check(home: Path, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "plugin.py").write_text(HEAD + FAULTS.get(fault, ""))
    code = main.run(["plugins", "check", "plugin.py", "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert {finding["check"] for finding in found if not finding["ok"]} == ({fault} if fault else set())
    assert {finding["check"] for finding in found} == set(CHECKS)
    assert code == (1 if fault else 0)


def test_every_check_has_a_fault_and_a_test_for_authors() -> None:
    assert set(FAULTS) == set(CHECKS)
    assert len([name for name in vars(Conformance) if name.startswith("test_")]) == len(CHECKS)


@pytest.mark.slow
def test_a_crash_is_told_with_the_check_it_came_in(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = "def build(config, spec):\n    import os\n    os.abort()\n"
    (home / "plugin.py").write_text(HEAD + fault)
    assert main.run(["plugins", "check", "plugin.py"]) == 1
    out = capsys.readouterr().out
    assert "FAIL builds for several shapes" in out
    assert "crashed (SIGABRT)" in out


@pytest.mark.slow
def test_authors_see_the_finding_in_their_own_tests(home: Path) -> None:
    (home / "plugin.py").write_text(HEAD + FAULTS["schema"])

    class Own(Conformance):
        plugin = "plugin.py"

    try:
        Own().test_the_loss_falls()
        with pytest.raises(AssertionError, match="hidden has no lower or no upper bound"):
            Own().test_hyperparameters_are_described_and_bounded()
    finally:
        findings.cache_clear()


def test_an_unknown_name_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plugins", "check", "cnn-troch"]) == 2
    assert capsys.readouterr().err == 'dltui: no plugin or model "cnn-troch"; did you mean cnn-torch?\n'


@pytest.mark.parametrize(("shape", "outputs"), samples.SHAPES["classification"])
def test_made_up_classes_differ(shape: tuple[int, ...], outputs: int) -> None:
    data = samples.make("classification", shape, outputs)
    assert data.train.x.shape == (samples.ROWS, *shape)
    means = [data.train.x[data.train.y == n].mean(axis=0) for n in range(outputs)]
    assert len({(mean > 100).tobytes() for mean in means}) == outputs
