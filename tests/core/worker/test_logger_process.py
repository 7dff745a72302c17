"""A logger ends with its worker, however early that dies."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dltui.core.worker import logger_process
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
