"""The example packages, installed beside dltui as a third party's would be: their own tests pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dltui.core.catalog.sources import own
from tests.helpers.environments import ROOT
from tests.helpers.marks import few

EXAMPLES = {"dltui-convmixer": "torch", "dltui-flax": "flax", "dltui-sklearn": "scikit-learn"}


def test_every_example_is_tested() -> None:
    assert {path.parent.name for path in (ROOT / "examples").glob("*/pyproject.toml")} == set(EXAMPLES)


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
