"""The identity of a plugin's code: a file, and the files beside it that it imports."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.worker import fingerprint
from dltui.core.worker.beginning import sameness


@pytest.fixture
def source(tmp_path: Path) -> dict[str, Any]:
    """A file that imports a module and a package beside it, and not the third."""
    (tmp_path / "net.py").write_text("from blocks import Block\nimport helpers\n")
    (tmp_path / "helpers.py").write_text("SIZE = 3\n")
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "__init__.py").write_text("class Block: ...\n")
    (tmp_path / "other.py").write_text("")
    return {"kind": "file", "name": "net.py", "path": str(tmp_path / "net.py")}


def attempt(plugin: dict[str, Any]) -> Any:
    return SimpleNamespace(plugin=plugin)


@pytest.mark.parametrize("name", ["helpers.py", "blocks/__init__.py"])
def test_a_helper_that_has_changed_is_noticed(source: dict[str, Any], tmp_path: Path, name: str) -> None:
    before = attempt(fingerprint.plugin(source))
    assert sameness.model(before, source) == []
    (tmp_path / "other.py").write_text("x = 1\n")
    helper = tmp_path / name
    helper.write_text(f"# a comment\n{helper.read_text()}")
    assert sameness.model(before, source) == []
    helper.write_text("SIZE = 4\n")
    assert sameness.model(before, source) == ["differs: a file beside net.py that it imports has changed"]


def test_of_a_run_of_before_the_file_alone_is_known(source: dict[str, Any], tmp_path: Path) -> None:
    known = fingerprint.plugin(source)
    before = attempt({name: value for name, value in known.items() if name != "beside"})
    (tmp_path / "helpers.py").write_text("SIZE = 4\n")
    assert sameness.model(before, source) == []
    (tmp_path / "net.py").write_text("import helpers\n")
    assert sameness.model(before, source) == ["differs: net.py, the code of the model, has changed"]


def test_a_file_alone_has_nothing_beside(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import json\n")
    found = fingerprint.plugin({"kind": "file", "name": "net.py", "path": str(tmp_path / "net.py")})
    assert "beside" not in found
    assert len(found["code"]) == 64
