"""What the screens ask of core arrives there as it was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.core.lifecycle.fork import ForkRequest
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.services import Services
from tests.helpers.sample_run import make_sample_run
from tests.tui.sample_catalog import make_catalog


def test_the_command_of_a_fork_makes_the_same_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ForkRequest] = []

    def fork(parent: RunReader, request: ForkRequest, catalog: object) -> RunDirectory:
        asked.append(request)
        return parent.directory

    monkeypatch.setattr("dltui.core.lifecycle.fork.fork", fork)
    monkeypatch.setattr("dltui.core.lifecycle.start.spawn_worker", lambda run: None)
    monkeypatch.setattr("dltui.core.catalog.assemble.load_catalog", lambda plugins: make_catalog())
    run = make_sample_run(tmp_path)
    Services().starting.fork(run, ["lr=0.0123456789", "deterministic=yes", "channels=8,16", "momentum=0.9"])
    (request,) = asked
    assert request.changes == {"lr": 0.0123456789, "deterministic": True, "channels": [8, 16]}
    flags = ["--lr", "0.0123456789", "--deterministic", "--channels", "8,16"]
    assert list(request.command) == ["dltui", "fork", "brisk-otter", *flags]


def test_a_form_like_a_run_has_the_plugin_files_that_are_there_and_its_own_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("dltui.core.catalog.assemble.load_catalog", lambda plugins: list(plugins))
    net = tmp_path / "net.py"
    net.touch()
    # A file that cannot even be looked for is none, either.
    listed = [str(net), str(tmp_path / "gone.py"), str(tmp_path / ("x" * 300))]
    for place, files in (("home/runs", [str(net)]), ("elsewhere", [])):
        run = make_sample_run(tmp_path / place)
        run.run_json.write_text(json.dumps({**run.run(), "plugins": listed}))
        assert Services().catalog.of_run(RunDirectory(run.path)) == (files, tuple(files))


def test_a_home_that_cannot_be_looked_into_has_no_screen_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / ("x" * 300)))
    assert Services().viewer.first_time()
