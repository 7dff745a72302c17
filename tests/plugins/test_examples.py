"""The example packages, installed beside dltui as a third party's would be: their own tests pass."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog import describe
from dltui.core.catalog.schema import settled
from dltui.core.catalog.sources import own
from dltui.core.machine.devices import Device, choose
from tests.helpers.environments import ROOT
from tests.helpers.marks import few

EXAMPLES = {"dltui-convmixer": "torch", "dltui-flax": "flax", "dltui-sklearn": "scikit-learn"}


def test_every_example_is_tested() -> None:
    assert {path.parent.name for path in (ROOT / "examples").glob("*/pyproject.toml")} == set(EXAMPLES)


def module(path: str) -> dict[str, Any]:
    """What a module of an example defines; it imports no framework."""
    return runpy.run_path(str(ROOT / "examples" / path))


@pytest.mark.parametrize("schedule", ["warmup-cosine", "constant", "cosine", "one-cycle"])
def test_a_schedule_of_an_example_goes_with_the_defaults(schedule: str) -> None:
    """A run gives all fields, also those that nobody has set."""
    config = module("dltui-convmixer/dltui_convmixer/config.py")["Config"]
    assert settled(config, {**settled(config, {}), "schedule": schedule})["schedule"] == schedule


@pytest.mark.parametrize(
    ("path", "name", "on_a_gpu", "on_a_mac"),
    [
        ("dltui-sklearn/dltui_sklearn/backend.py", "SklearnBackend", "cpu", "cpu"),
        ("dltui-flax/dltui_flax/backend.py", "FlaxBackend", "cuda:0", "cpu"),
    ],
)
def test_auto_is_a_device_that_an_example_can_use(path: str, name: str, on_a_gpu: str, on_a_mac: str) -> None:
    kinds = describe.backend_record(module(path)[name]())["kinds"]
    cpu = Device("cpu", "CPU")
    assert choose("auto", [Device("cuda:0", "GPU"), cpu], kinds).name == on_a_gpu
    assert choose("auto", [Device("mps", "GPU"), cpu], kinds).name == on_a_mac


@pytest.mark.slow(40)
@pytest.mark.longest
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", few(sorted(EXAMPLES, reverse=True), 1, long=0))
def test_an_example_installs_and_its_tests_pass(tmp_path: Path, name: str) -> None:
    if own().version(EXAMPLES[name]) is None:
        pytest.skip(f"{EXAMPLES[name]} is not installed")
    shutil.copytree(ROOT / "examples" / name, tmp_path / name, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(site), str(tmp_path / name)], check=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DLTUI_")}
    path = os.pathsep.join([str(ROOT), str(site)])
    environment = kept | {"PYTHONPATH": path, "DLTUI_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path / name / "tests")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
