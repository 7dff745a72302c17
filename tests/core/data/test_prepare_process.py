"""The preparation process: JSON lines on stdout, one line for every failure, nothing left by a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dltui.core.data.prepared import is_intact, load_prepared

PLUGIN = """
import os, signal, sys, time
import numpy as np
from dltui.core.contract import Arrays, Dataset
from dltui.core.contract.config import DatasetOptions
from dltui.core.contract.hooks import hookimpl

def prepare(options, context):
    print("a plugin may print")
    {body}
    return Arrays((np.eye(8), np.arange(8) % 2), (np.eye(8), np.arange(8) % 2), ("a", "b"))

@hookimpl
def dltui_datasets():
    return [Dataset("mine", "classification", "", DatasetOptions, prepare, lambda options, folders: None)]
"""


def run_dir(tmp_path: Path, body: str) -> Path:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN.replace("{body}", body))
    source = {"kind": "file", "name": "mine.py", "path": str(plugin), "python": sys.executable}
    run = tmp_path / "run"
    run.mkdir()
    record = {"format": 1, "id": "run", "dataset": "mine", "dataset_source": source, "dataset_options": {}}
    (run / "run.json").write_text(json.dumps(record))
    return run


def start(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "dltui.core.data.prepare_process", str(run_dir(tmp_path, body))],
        env={**os.environ, "DLTUI_HOME": str(tmp_path / "home"), "DLTUI_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(child: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]], str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, [json.loads(line) for line in out.splitlines()], err


def test_the_process_answers_in_json_alone_and_prints_go_elsewhere(tmp_path: Path) -> None:
    code, lines, err = answers(start(tmp_path, "context.progress('half', 0.5)"))
    assert code == 0, err
    assert {"progress": "half", "fraction": 0.5} in lines
    assert list(lines[-1]) == ["prepared"]
    assert len(load_prepared(Path(lines[-1]["prepared"])).train) == 7
    assert err == "a plugin may print\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('two\\nlines')", "data preparation failed: ValueError: two lines (mine.py line 10)"),
        ("sys.exit(3)", "data preparation failed: SystemExit: 3"),
        ("open('/no/such/file')", "/no/such/file: No such file or directory"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", "data preparation was canceled"),
    ],
)
def test_the_process_fails_in_one_line(tmp_path: Path, body: str, words: str) -> None:
    code, lines, _ = answers(start(tmp_path, body))
    assert code == 1
    assert list(lines[-1]) == ["error"]
    assert words in lines[-1]["error"]
    assert "\n" not in lines[-1]["error"]
    assert [path.name for path in (tmp_path / "cache" / "datasets").glob("*") if path.suffix != ".lock"] == []


def test_a_reader_that_is_gone_ends_the_process(tmp_path: Path) -> None:
    child = start(tmp_path, "[(context.progress(str(i)), time.sleep(0.01)) for i in range(6000)]")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(timeout=60) == 1


def test_killed_at_any_moment_the_next_one_succeeds(tmp_path: Path) -> None:
    child = start(tmp_path, "context.progress('here'); time.sleep(60)")
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    cache = tmp_path / "cache" / "datasets"
    assert len(list(cache.glob(".mine-*-*"))) == 1
    assert not list(cache.glob("mine-*"))
    (tmp_path / "run" / "run.json").unlink()
    (tmp_path / "run").rmdir()
    code, lines, err = answers(start(tmp_path, ""))
    assert code == 0, err
    assert is_intact(Path(lines[-1]["prepared"]))
    assert [path for path in cache.iterdir() if path.suffix != ".lock"] == [Path(lines[-1]["prepared"])]
