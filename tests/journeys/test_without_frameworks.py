"""With only PyTorch, only TensorFlow, or neither: what can work works, the rest says what to install."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.sources import own
from tests.helpers.environments import Place, environment_without, program
from tests.helpers.marks import few

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"
BOTH = ("torch", "tensorflow")
TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}

NET = """
import {module}
from dltui import Model, TrainConfig, hookimpl

class Config(TrainConfig):
    pass

def build(config, spec):
    return None

@hookimpl
def dltui_models():
    return [Model("eager", "eager", "{framework}", "classification", "imports at once", Config, build)]
"""

FORM = """
import json
from dltui.core.catalog.assemble import load_catalog
from dltui.tui.new_run.form import RunForm
form = RunForm.with_defaults(load_catalog())
first = [form.framework, form.first_problem()[1]]
form.choose_framework("tensorflow" if form.framework == "torch" else "torch")
print(json.dumps([first, [form.framework, form.first_problem()[1]]]))
"""


@dataclass(frozen=True)
class Bare:
    """An environment without some frameworks, with a home of its own."""

    place: Place
    missing: tuple[str, ...]
    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = self.python(*program(self.place)[1:], *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.place.python), *arguments],
            cwd=self.folder,
            env=self.place.environment(self.folder / "home"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @property
    def present(self) -> list[str]:
        return [name for name in BOTH if name not in self.missing and own().version(name) is not None]


@pytest.fixture(
    scope="module",
    params=few([BOTH, ("tensorflow",), ("torch",)], 1, long=0),
    ids=["neither", "torch", "tensorflow"],
)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare")
    return Bare(environment_without(folder / "venv", request.param), request.param, folder)


def install_line(framework: str) -> str:
    return f"pip install 'dltui[{framework}]'"


def test_lists_say_what_to_install(bare: Bare) -> None:
    models: list[dict[str, Any]] = json.loads(bare("models", "--json").stdout)
    assert {model["framework"] for model in models} == set(BOTH)
    for model in models:
        if model["framework"] in bare.missing:
            assert not model["available"]
            assert model["reason"] == f"needs {TITLES[model['framework']]}: {install_line(model['framework'])}"
        if model["framework"] in bare.present and "torchvision" not in model["reason"]:
            assert model["available"]
    text = bare("models").stdout
    for framework in bare.missing:
        # A model or a family of models a line.
        assert text.count(install_line(framework)) >= sum(model["framework"] == framework for model in models)


def test_what_needs_no_framework_works(bare: Bare) -> None:
    for command in ("datasets", "devices", "runs", "plugins"):
        arguments = (command, "list") if command == "plugins" else (command,)
        assert bare(*arguments).stderr == ""
    assert "--lr" in bare("train", f"cnn-{bare.missing[0]}", "--help").stdout


def test_training_a_missing_one_is_one_line_and_leaves_no_run(bare: Bare) -> None:
    for framework in bare.missing:
        done = bare("train", f"cnn-{framework}", "--dataset", "digits", code=2)
        assert done.stdout == ""
        reason = f"needs {TITLES[framework]}: {install_line(framework)}"
        assert done.stderr == f"dltui: cnn-{framework} cannot be trained here: {reason}\n"
    assert json.loads(bare("runs", "--json").stdout) == []


def test_a_name_without_framework_means_the_one_that_is_here(bare: Bare) -> None:
    text = bare("models", "cnn").stdout
    assert text.startswith(f"cnn-{(bare.present or ['torch'])[0]}: ")


def test_the_form_chooses_what_works_and_says_what_is_missing(bare: Bare) -> None:
    done = bare.python("-P", "-c", FORM)
    assert done.returncode == 0, done.stderr
    for framework, problem in json.loads(done.stdout):
        if framework in bare.missing:
            assert problem.endswith(f"needs {TITLES[framework]}: {install_line(framework)}")
        elif framework in bare.present:
            assert problem == ""
    first = json.loads(done.stdout)[0][0]
    assert first == (bare.present or ["torch"])[0]


def test_a_file_that_imports_a_missing_framework_says_so(bare: Bare) -> None:
    for framework in bare.missing:
        net = bare.folder / f"net_{framework}.py"
        net.write_text(NET.format(module=framework, framework=framework))
        done = bare("plugins", "list", "--plugin", str(net))
        assert f"problem    needs {TITLES[framework]}: {install_line(framework)}" in done.stdout
        done = bare("train", "eager", "--plugin", str(net), code=2)
        assert done.stderr.count("\n") == 1


def test_doctor_calls_the_missing_absent_not_broken(bare: Bare) -> None:
    if set(bare.present) == set(BOTH) - set(bare.missing):
        lines = bare("doctor").stdout.splitlines()
    else:
        pytest.skip("this environment lacks a framework itself")
    for framework in bare.missing:
        assert f"-    {TITLES[framework]}: not installed: {install_line(framework)}" in lines
    for framework in bare.present:
        assert [line for line in lines if line.startswith(f"ok   {TITLES[framework]}: ")]


@pytest.mark.slow
def test_a_backend_of_somebody_else_trains(bare: Bare) -> None:
    """The whole way, to the figures, whatever is missing."""
    name = "numpy-only"
    bare("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--name", name, "--plain")
    assert (bare.folder / "exports" / name / "summary.json").is_file()


def test_the_demo_with_neither_says_what_to_install(bare: Bare) -> None:
    if bare.present:
        pytest.skip("the demo would train")
    error = bare("demo", code=2).stderr
    assert error.startswith("dltui: the demo needs PyTorch or TensorFlow; install one: ")
    assert all(install_line(framework) in error for framework in BOTH)
