"""Where the figures of a copied run go: never into those of its original."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dltui.core.rundir import place
from dltui.core.rundir.directory import RunDirectory


def test_a_copy_has_an_identity_and_exports_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    run = RunDirectory.create("one", {"exports": str(tmp_path / "ex" / "one")})
    shutil.copytree(run.path, run.path.with_name("two"))
    copy = RunDirectory(run.path.with_name("two"))
    assert (place.original(run), place.original(copy)) == (None, run.path)
    assert place.identity(run) != place.identity(copy)
    (tmp_path / "ex" / "one").mkdir(parents=True)
    (tmp_path / "ex" / "one" / "summary.json").write_text(json.dumps({"run_token": place.identity(run)}))
    assert place.exports_folder(run) == tmp_path / "ex" / "one"
    assert place.exports_folder(copy) == tmp_path / "ex" / "two"
    shutil.rmtree(run.path)
    assert place.original(copy) is None, "what was moved is the run itself"
