"""Files given by --plugin: they may import a framework at their top, and say themselves what is wrong with them."""

import os
from pathlib import Path

import pytest

from dltui.core.catalog import probe, questions
from dltui.core.catalog.assemble import load_catalog
from dltui.core.errors import UsageError
from dltui.core.machine import sandbox
from tests.helpers.installations import MODEL
from tests.helpers.known_catalog import Fill


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    monkeypatch.delenv("DLTUI_CONFIG", raising=False)
    return tmp_path / "home"


def test_a_file_that_cannot_be_loaded_is_the_reason_why_its_model_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("x = 1 / 0\n")
    with pytest.raises(UsageError, match=r'no model "softmax-mine"; net.py could not be loaded: ZeroDivisionError'):
        load_catalog([file]).model("softmax-mine")


@pytest.mark.long
def test_a_file_that_imports_a_framework_may_take_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    run_all = sandbox.run_all

    def note(jobs: list[sandbox.Job], at_once: int) -> list[sandbox.Outcome]:
        given.extend(job.seconds for job in jobs)
        return run_all(jobs, at_once)

    monkeypatch.setattr(sandbox, "run_all", note)
    for name, line in (("plain", "import json"), ("heavy", "from keras_core_that_is_not_there import layers")):
        (tmp_path / f"{name}.py").write_text(f"{line}\n" + MODEL.format(id=name, framework="numpy"))
    load_catalog()
    given.clear()
    load_catalog([tmp_path / "plain.py", tmp_path / "heavy.py"], seconds=5)
    assert given == [5, 30]


def test_a_file_that_was_too_slow_is_tried_again_when_it_is_asked_for(tmp_path: Path, home: Path) -> None:
    (home / "plugins").mkdir(parents=True)
    file = home / "plugins" / "slow.py"
    file.write_text("import time\ntime.sleep(1.5)\n" + MODEL.format(id="slow", framework="numpy"))
    assert "slow" not in load_catalog(seconds=0.5).models
    assert "slow" not in load_catalog(seconds=60).models
    assert "slow" in load_catalog([file], seconds=60).models


@pytest.mark.parametrize(("load", "seconds"), [(0.5, 10), (12.0, 30), (400.0, 60)])
def test_a_busy_machine_gives_plugins_longer_to_answer(
    monkeypatch: pytest.MonkeyPatch, load: float, seconds: float
) -> None:
    monkeypatch.delenv("DLTUI_PLUGIN_SECONDS", raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert probe.plugin_seconds() == seconds


def test_a_file_that_imports_its_framework_gets_longer_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_PLUGIN_SECONDS", "10")
    slow, quick = tmp_path / "slow.py", tmp_path / "quick.py"
    slow.write_text("import torch\n")
    quick.write_text("import json\n")
    asked = [questions._seconds({"kind": "file", "path": str(path)}) for path in (slow, quick)]
    assert asked == [6 * probe.plugin_seconds(), probe.plugin_seconds()]
