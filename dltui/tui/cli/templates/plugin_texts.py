"""The files that `dltui plugins new` writes, as templates: a model that trains, its package, its test, its README."""

from __future__ import annotations

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$name"
version = "0.1.0"
description = "A model for dltui."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["dltui[$framework]"]

[project.optional-dependencies]
dev = ["pytest"]

# dltui finds the package by this entry point.
[project.entry-points.dltui]
$name = "$module.model"

[tool.setuptools]
packages = ["$module"]
"""

PACKAGE = '''\
"""A model for dltui; model.py has all of it."""
'''

HEAD = '''\
"""The model $id: hyperparameters, a network, and the hook that registers them."""
$imports
from dltui import Field, Model, Spec, TrainConfig, hookimpl


class Config(TrainConfig):
    """Each field is a flag and a field of the form; TrainConfig brings epochs, lr and the like."""

    hidden: int = Field(64, ge=1, le=4096, description="hidden units", json_schema_extra={"unit": "units"})
    batch_size: int = Field(32, ge=1, le=65536, description="samples per step")
'''

BUILD = {
    "torch": '''

def build(config: Config, spec: Spec):
    """An nn.Module; it gets normalized images (n, channels, height, width) and gives one logit a class."""
    from torch import nn  # imported here, so that listing the model starts no framework

    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(prod(spec.input_shape), config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, spec.outputs),
    )
''',
    "tensorflow": '''

def build(config: Config, spec: Spec):
    """A Keras model; it gets normalized images (n, height, width, channels) and gives one logit a class."""
    from keras import Sequential, layers  # imported here, so that listing the model starts no framework

    return Sequential(
        [
            layers.Input(spec.input_shape),
            layers.Flatten(),
            layers.Dense(config.hidden, activation="relu"),
            layers.Dense(spec.outputs),
        ]
    )
''',
}

IMPORTS = {"torch": "\nfrom math import prod\n", "tensorflow": ""}

HOOK = """

@hookimpl
def dltui_models():
    return [
        Model(
            id="$id",
            name="$family",
            framework="$framework",
            task="classification",
            summary="one hidden layer",
            config=Config,
            build=build,
        )
    ]
"""

TEST = '''\
"""The model learns: trained on scikit-learn's digits, through the command line, in a process of its own."""

import json
import os
import subprocess
import sys


def test_it_learns_digits(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DLTUI_")}
    environment["DLTUI_HOME"] = str(tmp_path / "home")
    command = [sys.executable, "-m", "dltui", "train", "$id"]
    command += ["--dataset", "digits", "--device", "cpu", "--epochs", "5", "--plain"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = tmp_path.glob("exports/*/summary.json")
    assert json.loads(summary.read_text())["test_accuracy"] > 0.8
'''

README = """\
# $name

A model for [dltui](https://pypi.org/project/dltui/): `$id`, $title.

```
pip install -e '.[dev]'
dltui train $id --dataset digits
pytest
```

`$module/model.py` holds the hyperparameters, the network and the hook that registers it; `dltui models $id` lists what
can be set. To give the model to others: `pip install` this folder, or its repository, on their machine.
"""

IGNORED = """\
__pycache__/
*.egg-info/
build/
dist/
exports/
"""


def files(framework: str) -> dict[str, str]:
    """The templates by path, with `$module` in paths too."""
    return {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        ".gitignore": IGNORED,
        "$module/__init__.py": PACKAGE,
        "$module/model.py": HEAD.replace("$imports", IMPORTS[framework]) + BUILD[framework] + HOOK,
        "tests/test_$module.py": TEST,
    }
