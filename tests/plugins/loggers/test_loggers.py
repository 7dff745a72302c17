"""Loggers follow a run in processes of their own: TensorBoard, MLflow, a web address and a command; a broken one costs
the run nothing."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest import mock

import pytest

from dltui.core.catalog.sources import own
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import DRAWN
from dltui.plugins.loggers import finish, tensorboard, tracked
from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill
from tests.helpers.sample_run import make_sample_run

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
# TensorBoard's own reader, in a process of its own, without TensorFlow, which takes seconds.
READ = """
import json, sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0}).Reload()
tags = found.Tags()
scalars = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in tags["scalars"]}
images = {tag: [(e.width, e.height) for e in found.Images(tag)] for tag in tags["images"]}
plugins = sorted(found.summary_metadata)
print(json.dumps({"scalars": scalars, "images": images, "plugins": plugins}))
"""
Train = Callable[..., str]


@pytest.fixture
def train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> Train:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*logs: str, code: int = 0, plugins: tuple[Path, ...] = (FAKE,), extra: tuple[str, ...] = ()) -> str:
        words = ["train", "softmax-numpy", "--dataset", "blobs", "--device", "cpu", "--plain", "--name", "one", *extra]
        words += [word for plugin in plugins for word in ("--plugin", str(plugin))]
        words += [word for log in logs for word in ("--log", log)]
        assert main.run(words) == code
        said = capsys.readouterr()
        return said.out + said.err

    return run


@pytest.mark.slow
@pytest.mark.longest
def test_tensorboard_opens_the_event_files(train: Train) -> None:
    for package in ("tensorboardX", "tensorboard"):
        if own().version(package) is None:
            pytest.skip(f"{package} is not installed")
    train("tensorboard=board")
    read = subprocess.run([sys.executable, "-c", READ, "board/one"], capture_output=True, text=True, check=True)
    found = json.loads(read.stdout.splitlines()[-1])
    summary = json.loads(Path("exports/one/summary.json").read_text())
    losses = found["scalars"]["epoch/loss/validation"]
    assert [step for step, _ in losses] == [13, 26, 39]
    assert found["scalars"]["test/accuracy"][-1][1] == pytest.approx(summary["test_accuracy"])
    assert {"step/loss", "step/lr", "epoch/accuracy/train"} <= found["scalars"].keys()
    assert found["images"] == {"confusion_matrix/test": [[48, 48]]}
    assert any("hparams" in name for name in found["plugins"])


@pytest.mark.slow
def test_what_was_trained_before_a_resume_stays_in_the_event_files(tmp_path: Path) -> None:
    """Of an attempt that was resumed at step 20 TensorBoard shows what it had trained until then, and no more."""
    for package in ("tensorboardX", "tensorboard"):
        if own().version(package) is None:
            pytest.skip(f"{package} is not installed")
    attempts = [(0, [10, 20]), (0, [10, 20, 30]), (20, [30, 40])]
    for number, (start, steps) in enumerate(attempts, 1):
        run = {"cwd": str(tmp_path), "exports": str(tmp_path), "config": {"lr": 0.1}, "model": "m", "dataset": "d"}
        directory = mock.Mock(id="one")
        reader = mock.Mock(run=run, directory=directory, history=mock.Mock(best=None, test=None, step=start))
        board = tensorboard.TensorBoard(reader, "", number)
        # Files are named by the second.
        with mock.patch("time.time", return_value=1_700_000_000.0 + number):
            board.event({"type": "attempt_started", "start_step": start})
        for step in steps:
            loss = {"loss": number + step / 100}
            board.event({"type": "epoch_ended", "step": step, "time": 1.0 * step, "train": loss})
        with mock.patch.object(tensorboard, "latest", return_value=None):
            board.close("finished")
    read = subprocess.run([sys.executable, "-c", READ, "tensorboard"], cwd=tmp_path, capture_output=True, text=True)
    found = json.loads(read.stdout.splitlines()[-1])["scalars"]["epoch/loss/train"]
    assert [(step, round(value, 2)) for step, value in found] == [(10, 2.1), (20, 2.2), (30, 3.3), (40, 3.4)]


@pytest.mark.slow
@pytest.mark.long
def test_mlflow_has_the_run(train: Train) -> None:
    if own().version("mlflow") is None:
        pytest.skip("mlflow is not installed")
    assert "warning" not in train("mlflow")
    (metric,) = Path("exports/mlruns").glob("*/*/metrics/test_accuracy")
    summary = json.loads(Path("exports/one/summary.json").read_text())
    assert float(metric.read_text().split()[1]) == pytest.approx(summary["test_accuracy"])
    (lr,) = Path("exports/mlruns").glob("*/*/params/lr")
    assert lr.read_text() == "0.1"


class Hook(BaseHTTPRequestHandler):
    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_a_web_address_and_a_command_are_told(train: Train, tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = "import os; open('said', 'w').write(os.environ['DLTUI_RUN'] + ' ' + os.environ['DLTUI_STATUS'])"
    script = script.replace("'said'", repr(str(tmp_path / "said")))
    command = shlex.join([sys.executable, "-c", script])
    try:
        train(f"webhook=http://127.0.0.1:{server.server_port}/", f"command={command}")
    finally:
        server.shutdown()
        server.server_close()
    (got,) = Hook.got
    assert (got["id"], got["status"], got["text"]) == (
        "one",
        "finished",
        "dltui: one (softmax-numpy on blobs) finished",
    )
    assert (tmp_path / "said").read_text() == "one finished"


BROKEN = """
import os
from dltui import Logger, hookimpl

class Broken:
    def __init__(self, run, option, attempt):
        self.option = option
    def event(self, record):
        if self.option == "crash":
            os.abort()
        raise KeyError(record["type"] + "\\x1b[2J")
    def close(self, status):
        pass

@hookimpl
def dltui_loggers():
    return [Logger("broken", "raises", Broken)]
"""


@pytest.mark.slow
def test_a_broken_logger_is_a_warning(train: Train, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    said = train("broken", "broken=crash", "webhook=ftp://x", plugins=(FAKE, tmp_path / "broken.py"))
    assert "warning: logger broken failed: KeyError: " in said
    assert "logger broken failed: exit code -6" in said
    assert "logger webhook does not start: a webhook's address begins with" in said
    assert "finished: 3 epochs" in said
    assert "\x1b" not in said


def test_an_unknown_logger_is_refused(train: Train) -> None:
    said = train("tensorbord", code=2)
    assert said.splitlines()[-1] == 'dltui: no logger "tensorbord"; did you mean tensorboard?'
    assert not Path("exports").exists()


class Told(finish._Finish):
    """Keeps what it is told."""

    def __init__(self, run: RunReader) -> None:
        super().__init__(run, "x", 1)
        self.statuses: list[str] = []

    def tell(self, status: str) -> None:
        self.statuses.append(status)


def test_a_pause_is_no_end(tmp_path: Path) -> None:
    told = Told(RunReader(make_sample_run(tmp_path, epochs=1, image=False)))
    told.close("paused")
    assert told.statuses == []
    told.close("stopped")
    assert told.statuses == ["stopped"]


@pytest.mark.parametrize(
    "last",
    [{"detail": DRAWN}, {"phase": "ended"}, {"pid": 1}, {"time": 1.0}],
    ids=["drawn", "ended", "another process", "a disk that takes nothing"],
)
def test_the_end_is_told_when_the_figures_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: dict[str, Any]
) -> None:
    run = make_sample_run(tmp_path, epochs=1, image=False)
    live = json.loads((run.path / "live.json").read_text())
    live |= {"pid": os.getppid(), "phase": "training", "time": time.time()}
    beats = [live, {**live, "phase": "exporting"}, {**live, "phase": "exporting", **last}]
    told = Told(RunReader(run))

    def beat(seconds: float = 0.0) -> None:
        assert told.statuses == []
        (run.path / "live.json").write_text(json.dumps(beats.pop(0)))

    beat()
    monkeypatch.setattr(finish.time, "sleep", beat)
    told.close("finished")
    assert (told.statuses, beats) == (["finished"], [])


@pytest.mark.slow
def test_a_command_has_the_figures_and_can_wait_for_its_run(train: Train, tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"{sys.executable} -m dltui wait $DLTUI_RUN > {said} && ls $DLTUI_EXPORTS >> {said}"
    assert "logger" not in train(f"command=sh -c '{script}'")
    lines = said.read_text().splitlines()
    assert lines[0].startswith("one: finished: ")
    assert "summary.json" in lines


def test_wandb_finds_the_folder_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes to a temporary folder in place of one that is missing."""
    seen: list[bool] = []
    package = SimpleNamespace(init=lambda **given: seen.append(Path(given["dir"]).is_dir()))
    monkeypatch.setitem(sys.modules, "wandb", package)
    run = make_sample_run(tmp_path / "home" / "runs", epochs=1, image=False)
    tracked.Wandb(RunReader(run), "", 1)
    assert seen == [True]
