"""`dltui verify` on the command line: its exit codes, and what a signal leaves behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

import pytest

from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.proof import verify
from dltui.tui.cli import main
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    make_sample_run(tmp_path / "runs", run_id="r", epochs=1, image=False)


@pytest.mark.parametrize(("error", "code"), [(UsageError("no"), 2), (RunError("no"), 3)])
def test_what_proves_nothing_is_told_apart(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(verify, "verify", fail)
    assert main.run(["verify", "r"]) == code
    assert capsys.readouterr() == ("", "dltui: no\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_worker_and_removes_its_folder(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = []

    def end(again: object, worker: object, tell: object, parted: object) -> None:
        workers.append(worker)
        os.kill(os.getpid(), number)
        time.sleep(10)

    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]
    monkeypatch.setattr(verify.trust, "catalog", lambda *_: None)
    monkeypatch.setattr(verify.trust, "replaced", lambda *_: {})
    monkeypatch.setattr(verify.start, "worker_command", lambda run: (["sleep", "60"], dict(os.environ)))
    monkeypatch.setattr(verify, "follow", end)
    with pytest.raises(SystemExit) as left:
        main.run(["verify", "r"])
    assert left.value.code == 128 + number
    assert [worker.returncode for worker in workers] == [-signal.SIGTERM]
    assert not list((tmp_path / "cache").glob("verify-*"))
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == handlers
