"""A logger ends with its worker, however early that dies."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.worker import logger_process
from dltui.core.worker.loggers import REFUSED, Loggers
from tests.helpers.sample_run import make_sample_run


@pytest.mark.timeout(60)
def test_a_worker_that_died_before_its_logger_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Observer:
        def event(self, record: Any) -> None: ...

        def close(self, status: str) -> None:
            closed.append(status)

    class Logger:
        def open(self, *arguments: Any) -> Observer:
            return Observer()

    run = make_sample_run(tmp_path, status="interrupted")
    asked = {"name": "x", "option": "", "source": {}, "attempt": 1, "worker": os.getppid() + 1}
    monkeypatch.setattr(logger_process.plugin_loader, "load_logger", lambda source, name: Logger())
    monkeypatch.setattr(sys, "argv", ["logger_process", str(run.path)])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(asked)))
    assert logger_process.main() == 0
    assert closed == ["interrupted"]


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RunError("name a file"), REFUSED, "name a file\n"),
        (KeyError("x"), 1, "KeyError: 'x' (test_logger_process.py line "),
    ],
)
def test_a_logger_that_does_not_begin_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Any,
    code: int,
    told: str,
) -> None:
    class Logger:
        def open(self, *arguments: Any) -> Any:
            raise error

    run = make_sample_run(tmp_path)
    asked = {"name": "x", "option": "", "source": {}, "attempt": 1, "worker": os.getppid()}
    monkeypatch.setattr(logger_process.plugin_loader, "load_logger", lambda source, name: Logger())
    monkeypatch.setattr(sys, "argv", ["logger_process", str(run.path)])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(asked)))
    assert logger_process.main() == code
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize(("code", "word"), [(REFUSED, "does not start"), (1, "failed"), (-6, "failed")])
def test_the_log_tells_a_refusal_from_a_failure(tmp_path: Path, code: int, word: str) -> None:
    words = io.BytesIO(b"name a file\n")
    started: Any = SimpleNamespace(name="notes", option="", words=words)
    found = Loggers(make_sample_run(tmp_path), [], 1)
    found._look(started, code)
    assert found.problems == [f"logger notes {word}: name a file"]
