"""Somebody else's run is data: nothing that its run.json names is imported, started or written to."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dltui.core.errors import UsageError
from dltui.core.lifecycle import trust
from dltui.core.rundir import checksum, place
from dltui.core.rundir.directory import RunDirectory
from tests.helpers.sample_run import make_sample_run
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "2")
HARM = """
import os
open({mark!r}, "a").write("imported\\n")
"""


def change(run: Path, **changes: Any) -> None:
    """As whoever owns the run can: its SHA-256 is no secret."""
    content = checksum.opened(json.loads((run / "run.json").read_text()))
    assert content is not None
    (run / "run.json").write_text(json.dumps(checksum.sealed({**content, **changes})))


@pytest.fixture
def theirs(program: Program) -> Path:
    """A colleague's run whose run.json names code that leaves a mark when it is executed."""
    program(*FAST, "--name", "theirs")
    colleague = program.folder / "colleague"
    colleague.mkdir()
    mark = str(program.folder / "PWNED")
    net = colleague / "net.py"
    net.write_text(HARM.format(mark=mark) + FAKE.read_text().replace("from __future__ import annotations", ""))
    python = colleague / "python"
    python.write_text(f"#!/bin/sh\necho interpreter >> {mark}\n")
    python.chmod(0o755)
    run = program.run("theirs").rename(colleague / "theirs")
    asked = RunDirectory(run).run()
    sources = {name: {**asked[name], "path": str(net)} for name in ("model_source", "backend_source", "dataset_source")}
    logger = {"name": "command", "option": f"echo logger >> {mark}", "source": {"python": str(python)}}
    anywhere = {"exports": str(program.folder / "anywhere" / "theirs"), "loggers": [logger]}
    change(run, plugins=[str(net)], python=str(python), **sources, **anywhere)
    return run


@pytest.mark.slow
def test_nothing_of_it_is_executed_and_figures_go_to_ones_own_folder(program: Program, theirs: Path) -> None:
    image = program.folder / "x.png"
    Image.new("L", (8, 8)).save(image)
    path = str(theirs)
    program("attach", path, "--plain")
    program("export", path)
    shutil.copytree(path, f"{path}-2")
    program("compare", path, f"{path}-2", "--to", "comparison")
    for words in (
        ("predict", path, str(image)),
        ("fork", path, "--epochs", "4"),
        ("resume", path, "--more-epochs", "1"),
    ):
        refused = program(*words, code=2).stderr
        assert refused.count("\n") == 1
        assert "its model softmax-numpy is not installed here" in refused
        assert "lies outside of" in refused
    program("train", "--like", path, "--dataset", "blobs", code=2)
    assert not (program.folder / "PWNED").exists()
    assert not (program.folder / "anywhere").exists()
    assert (program.folder / "exports" / "theirs" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.longest
def test_it_goes_on_with_code_of_ones_own(program: Program, theirs: Path) -> None:
    image = program.folder / "x.png"
    Image.new("L", (8, 8)).save(image)
    own = ("--plugin", str(FAKE))
    assert "x.png: " in program("predict", str(theirs), str(image), *own).stdout
    program("resume", str(theirs), "--more-epochs", "1", *own, "--plain")
    assert len(program.reader(str(theirs)).history.epochs) == 3
    program("fork", str(theirs), "--epochs", "4", "--name", "f", *own, "--plain")
    assert program.summary("f")["epochs"] == 4
    assert RunDirectory(program.run("f")).run()["plugins"] == [str(FAKE)]
    assert not (program.folder / "PWNED").exists()
    assert not (program.folder / "anywhere").exists()


def test_whose_a_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    mine = make_sample_run(tmp_path / "home" / "runs", run_id="mine")
    assert place.untrusted_reason(mine) == ""
    assert "lies outside of" in place.untrusted_reason(make_sample_run(tmp_path / "away", run_id="away"))
    mine.path.chmod(0o777)
    assert "anybody may write" in place.untrusted_reason(mine)
    mine.path.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(mine.run_json, 54_321, 0)
        assert place.untrusted_reason(mine) == "it belongs to user 54321"
        assert trust.files(mine) == []


def test_a_missing_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tui.sample_catalog import make_catalog

    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    away = make_sample_run(tmp_path / "away", run_id="away")
    known = make_catalog()
    known.models.clear()
    with pytest.raises(UsageError, match=r"^away: its model cnn-torch is not installed here, .* --plugin FILE"):
        trust.replaced(away, known)


def test_figures_of_another_run_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    run = RunDirectory.create("one", {"exports": str(tmp_path / "ex" / "one")})
    folder = tmp_path / "ex" / "one"
    assert place.exports_folder(run) == folder
    folder.mkdir(parents=True)
    assert place.exports_folder(run) == folder, "its own that has no summary yet"
    (folder / "summary.json").write_text(json.dumps({"run_id": "one", "run_token": "another"}))
    assert place.exports_folder(run) == folder.with_name("one-2")
    (folder / "summary.json").write_text(json.dumps({"run_id": "one", "run_token": place.identity(run)}))
    assert place.exports_folder(run) == folder
