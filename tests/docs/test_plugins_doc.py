"""docs/plugins.md is true: its tutorial works when followed literally, its reference is the code's."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import dltui
from dltui.core import contract
from dltui.core.catalog.describe import RESERVED
from dltui.core.catalog.fields import BACKEND_CHOICES, BACKEND_OPTIONS
from dltui.core.catalog.schema import field_specs
from dltui.core.catalog.sources import own
from dltui.core.checks.conformance import launch_process
from dltui.core.contract import families, hooks, inputs, launchers
from dltui.core.contract.config import TrainConfig
from dltui.core.numbers import exact
from dltui.core.rundir.events import EVENTS
from dltui.core.tasks.registry import TASKS
from dltui.plugins import overrides
from tests.docs import session
from tests.helpers.environments import environment_without

DOCUMENT = Path(__file__).parents[2] / "docs" / "plugins.md"
TUTORIALS = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
SIGNATURES = (
    "Model",
    "Family",
    "Member",
    "Spec",
    "Input",
    "Dataset",
    "Arrays",
    "Exporter",
    "Logger",
    "Launcher",
    "Launch",
    "LaunchState",
    "Preview",
    "Data",
    "Split",
    "EpochPlan",
    "Mixing",
    "StepStats",
    "Layer",
)
PROTOCOLS = ("PreparationContext", "Backend", "Trainable", "Observer")


@pytest.fixture(scope="module")
def text() -> str:
    return DOCUMENT.read_text()


@pytest.mark.longest
@pytest.mark.slow(90)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_the_tutorial_works_followed_literally(text: str, framework: str, tmp_path: Path) -> None:
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    place = environment_without(tmp_path / "venv", ())
    (tmp_path / "work").mkdir()
    environment = place.environment(tmp_path / "home")
    commands = session.carry_out(session.section(text, TUTORIALS[framework]), tmp_path / "work", environment)
    assert commands == 12


@pytest.mark.parametrize("framework", TUTORIALS)
def test_the_model_has_thirty_lines_at_most(text: str, framework: str) -> None:
    (net,) = [s for s in session.steps(session.section(text, TUTORIALS[framework])) if isinstance(s, session.File)]
    assert len([line for line in net.content.splitlines() if line.strip()]) <= 30
    assert net.content.startswith(("import torch", "from keras"))


@pytest.mark.parametrize(
    ("wanted", "given", "same"),
    [
        (("a 1",), "a 2.5\n", True),
        (("a b",), "a   b  \n", True),
        (("a",), "b\n", False),
        (("a",), "a\nb\n", False),
        (("a", "...", "c"), "a\nx\ny\nc\n", True),
        (("a", "...", "c"), "a\nc\n", True),
        (("in ..., best",), "in 3 s, best\n", True),
        (("in ..., best",), "in 3 s, worst\n", False),
        ((), "", True),
        ((), "Traceback\n", False),
    ],
)
def test_outputs_are_compared(wanted: tuple[str, ...], given: str, same: bool) -> None:
    assert session.matches(wanted, given) is same


def table(text: str, first: str) -> list[list[str]]:
    """The rows of a table whose header begins so."""
    lines = text.split(f"| {first} ", 1)[1].split("\n")[2:]
    rows = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_hooks_are_those_of_the_code(text: str) -> None:
    rows = {row[0].strip("`"): row[1:] for row in table(text, "hook")}
    assert tuple(rows) == hooks.HOOKS
    for name, (returns, gives) in rows.items():
        hook = getattr(hooks.Hooks, name)
        assert returns == f"`{hook.__annotations__['return']}`"
        assert gives == hook.__doc__


def test_the_shared_hyperparameters_are_those_of_the_code(text: str) -> None:
    for row, spec in zip(table(text, "field of"), field_specs(TrainConfig), strict=True):
        allowed = ", ".join(spec.choices) if spec.choices else "yes, no" if spec.type == "bool" else spec.range_text()
        assert row == [f"`{spec.name}`", exact(spec.default), allowed]


def classes() -> dict[str, ast.ClassDef]:
    bodies = [ast.parse(Path(module.__file__).read_text()).body for module in (contract, families, inputs, launchers)]
    return {node.name: node for body in bodies for node in body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_the_code(text: str, name: str) -> None:
    fields = [node for node in classes()[name].body if isinstance(node, ast.AnnAssign)]
    lines = "".join(f"    {ast.unparse(field).replace(chr(39), chr(34))},\n" for field in fields)
    assert f"\n{name}(\n{lines})\n" in text


def test_names_that_no_hyperparameter_can_have_are_those_of_the_code(text: str) -> None:
    told = {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[1])) for row in table(text, "command")}
    assert told == RESERVED


def test_what_a_backend_has_to_name_is_what_the_code_asks_for(text: str) -> None:
    rows = table(text, "| words of `options`")
    told = {row[0].removeprefix("values of ").strip("`"): set(re.findall(r"`([^`]+)`", row[1])) for row in rows}
    assert told == {"fields": BACKEND_OPTIONS, **BACKEND_CHOICES}


def test_the_metric_of_each_task_is_told(text: str) -> None:
    told = text.split("`metrics` has the one of the task: ", 1)[1].split(". ", 1)[0]
    assert sorted(re.findall(r"\"(\w+)\"", told)) == sorted(task.trained_metric for task in TASKS.values())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocols_are_those_of_the_code(text: str, name: str) -> None:
    body = classes()[name].body
    attributes = [f"    {ast.unparse(node)}\n" for node in body if isinstance(node, ast.AnnAssign)]
    methods = [_header(node) for node in body if isinstance(node, ast.FunctionDef)]
    between = "\n" if attributes and methods else ""
    assert f"```python\nclass {name}:\n{''.join(attributes)}{between}{''.join(methods)}```" in text


def _header(method: ast.FunctionDef) -> str:
    arguments = ast.unparse(method.args).replace("=None", " = None")
    assert method.returns is not None
    return f"    def {method.name}({arguments}) -> {ast.unparse(method.returns)}\n"


def test_every_dataclass_and_protocol_of_the_hooks_is_told(text: str) -> None:
    """What a hook returns, and the root of the package."""
    for name in ("Model", "Backend", "Dataset", "Exporter", "Logger", "Launcher"):
        assert name in (*SIGNATURES, *PROTOCOLS)
    told = text.split("`from dltui import ...` has ", 1)[1].split(";", 1)[0]
    assert set(re.findall(r"`(\w+)`", told)) == set(dltui._HOMES)


RECIPES = re.compile(r"<!-- recipe: (\S+) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow(25)
@pytest.mark.long
def test_recipes_work(text: str, tmp_path: Path) -> None:
    """All in one run: the model with everything overridden learns the dataset, and is drawn and followed."""
    if own().version("torch") is None:
        pytest.skip("torch is not installed")
    recipes = dict(RECIPES.findall(text))
    for name in ("pair.py", "reader.py", "sam.py", "lab.py", "vae.py", "drawn.py"):
        recipes.pop(name)
    assert set(recipes) == {"overrides.py", "rings.py", "table.py", "notes.py"}
    command = [sys.executable, "-P", "-m", "dltui", "train", "margin-torch", "--dataset", "rings", "--epochs", "6"]
    for name, content in recipes.items():
        (tmp_path / name).write_text(content)
        command += ["--plugin", name]
    environment = {**os.environ, "DLTUI_HOME": str(tmp_path / "home")}
    command += ["--device", "cpu", "--plain", "--name", "one", "--log", f"notes={tmp_path / 'notes.txt'}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    exports = tmp_path / "exports" / "one"
    assert json.loads((exports / "summary.json").read_text())["test_accuracy"] > 0.9
    assert json.loads((exports / "validation.json").read_text())["6"].keys() == {"loss", "accuracy", "worst_class"}
    assert re.fullmatch(r"(epoch \d loss 0\.\d+\n){6}finished\n", (tmp_path / "notes.txt").read_text())
    refused = [*command, "--noise", "0.6", "--rho", "0.99"]
    done = subprocess.run(refused, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "dltui: noise above 0.5 needs rho of 0.95 at most\n")


@pytest.mark.slow(25)
@pytest.mark.longest
def test_the_recipes_of_an_autoencoder_and_its_figure_work(text: str, tmp_path: Path) -> None:
    if own().version("torch") is None:
        pytest.skip("torch is not installed")
    command = [sys.executable, "-P", "-m", "dltui", "train", "vae-torch", "--dataset", "redrawn", "--epochs", "4"]
    for name in ("vae.py", "drawn.py"):
        (tmp_path / name).write_text(dict(RECIPES.findall(text))[name])
        command += ["--plugin", name]
    environment = {**os.environ, "DLTUI_HOME": str(tmp_path / "home")}
    command += ["--device", "cpu", "--plain", "--name", "one", "--format", "svg"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = re.findall(r"train loss (\S+) reconstruction (\S+) kl (\S+)", done.stdout)
    assert len(losses) == 4
    assert float(losses[-1][1]) < float(losses[0][1])
    assert (tmp_path / "exports" / "one" / "redrawn.svg").is_file(), done.stdout + done.stderr


def test_the_recipe_of_a_launcher_works(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lab.py").write_text(dict(RECIPES.findall(text))["lab.py"])
    source = {"kind": "file", "name": "lab.py", "path": str(tmp_path / "lab.py")}
    code = launch_process.main([str(tmp_path), "lab", json.dumps(source)])
    assert (code, capsys.readouterr().out) == (0, "a command was started and ended, another killed\n")


@pytest.mark.slow(40)
@pytest.mark.longest
@pytest.mark.parametrize(("name", "dataset"), [("pair", "pairs"), ("reader", "waves"), ("sam", "digits")])
def test_recipes_of_models_work(text: str, tmp_path: Path, name: str, dataset: str) -> None:
    if own().version("torch") is None:
        pytest.skip("torch is not installed")
    (tmp_path / "net.py").write_text(dict(RECIPES.findall(text))[f"{name}.py"])
    command = [sys.executable, "-P", "-m", "dltui", "train", f"{name}-torch", "--plugin", "net.py", "--lr", "0.05"]
    command += ["--dataset", dataset, "--epochs", "5", "--device", "cpu", "--plain", "--name", "one"]
    environment = {**os.environ, "DLTUI_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = re.findall(r"^epoch .*train loss (\S+)", done.stdout, re.MULTILINE)
    assert float(losses[-1]) < float(losses[0])


def test_methods_that_override_are_those_of_the_code(text: str) -> None:
    plugins = Path(dltui.__file__).parent / "plugins"
    told = {row[0].strip("`") for row in table(text, "method")}
    assert told == {f"{name}({', '.join(arguments)})" for name, arguments in overrides.ARGUMENTS.items()}
    for framework in ("torch", "tensorflow"):
        code = "".join(path.read_text() for path in (plugins / framework).rglob("*.py"))
        assert set(re.findall(r"overrides\.find\([^,]+, \"(\w+)\"\)", code)) == overrides.ARGUMENTS.keys()


def test_links_of_the_document_resolve(text: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", text):
        other = (DOCUMENT.parent / target).resolve() if target else DOCUMENT
        assert other.exists()
        if other.is_dir():
            continue
        headings = re.findall(r"^#+ (.+)$", other.read_text(), flags=re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_event_and_its_fields_are_told(text: str) -> None:
    told = {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in table(text, "`type`")}
    assert told == {name: [field.name for field in fields(event)] for name, event in EVENTS.items()}


def test_all_that_authors_need_comes_from_the_root() -> None:
    root = DOCUMENT.parents[1]
    files = [DOCUMENT, *(path for path in (root / "examples").rglob("*") if path.suffix in {".py", ".md", ".toml"})]
    assert len(files) > 10
    assert [str(path) for path in files if "dltui.core" in path.read_text()] == []
    assert {name: getattr(dltui, name) for name in dltui.__all__}.keys() == set(dltui.__all__)
