"""`dltui wait`: its exit codes, conditions, JSON, wrong use, and how little it takes."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.analysis.measures import condition, measured
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.history import EpochRecord, History
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import LaunchRecord
from dltui.tui.cli.follow import until
from tests.helpers.command import runner
from tests.helpers.sample_run import CLASSES, _started, make_sample_run

Wait = Callable[..., tuple[int, str, str]]


ENDS = {"finished": 0, "failed": 1, "preempted": 75, "interrupted": 130}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run of five epochs for each way to end, and one that is paused after four."""
    folder = tmp_path_factory.mktemp("home")
    for status in ENDS:
        make_sample_run(folder / "runs", run_id=status, status=status, epochs=5, image=False)
    make_sample_run(folder / "runs", run_id="paused", status="paused", epochs=5, done=4, image=False)
    return folder


@pytest.fixture
def home(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(made))
    monkeypatch.setattr(until, "TICK", 0.02)
    return made


@pytest.fixture
def call(home: Path, capsys: pytest.CaptureFixture[str]) -> Wait:
    return runner(capsys, "wait")


@pytest.mark.parametrize(("status", "code"), ENDS.items())
def test_the_exit_code_is_the_runs(call: Wait, status: str, code: int) -> None:
    found = call(status)
    assert found[0] == code
    assert found[1 if code == 0 else 2].count("\n") == 1
    assert f"{status}: {status}" in "".join(found[1:])


def test_a_condition_that_holds(call: Wait) -> None:
    line = "failed: validation.accuracy>=90% holds: 0.90465 (epoch 4)\n"
    assert call("failed", "--until", "validation.accuracy >= 90%") == (0, line, "")
    assert call("failed", "--until", "epoch>=3")[0] == 0
    assert call("failed", "--until", "train.loss<0.8")[0] == 0


def test_a_condition_that_never_held(call: Wait) -> None:
    code, out, err = call("finished", "--until", "test.accuracy>0.99")
    assert (code, out) == (1, "")
    assert err.startswith("dltui: finished: test.accuracy>0.99 never held; test.accuracy is 0.91")
    assert call("preempted", "--until", "validation.accuracy>0.99")[0] == 75


def test_the_time_is_over(call: Wait) -> None:
    code, out, err = call("paused", "--until", "validation.accuracy>=0.99", "--timeout", "0.1")
    assert (code, out) == (124, "")
    assert err.endswith("after 0.1 s of waiting; validation.accuracy is 0.90465\n")


class Answer:
    """A process that has asked a launcher about its job, and notes what it said."""

    said = ""

    def __init__(self, run: RunDirectory, action: str) -> None:
        record = launch.read(run.path)
        assert record is not None
        launch.write(run.path, replace(record, state=self.said, asked=time.time()))

    def poll(self) -> int:
        return 0

    def wait(self, seconds: float) -> int:
        return 0


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what the launcher of all runs says."""
    monkeypatch.setattr(launching, "_process", Answer)
    monkeypatch.setattr(launching, "_ASKING", {})
    return lambda word: monkeypatch.setattr(Answer, "said", word)


def test_the_launcher_of_a_job_that_is_gone_is_asked(call: Wait, says: Callable[[str], None], tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "one")
    run.path.mkdir()
    run.run_json.write_text(json.dumps({"format": 1, "id": "one", "created": time.time(), "config": {}}))
    launch.write(run.path, LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"}))
    says("gone")
    code, _, err = call(str(run.path), "--timeout", "5")
    assert (code, "its job in slurm is gone before it began" in err) == (130, True)


@pytest.mark.parametrize(("state", "code"), [("waiting", 124), ("gone", 75)])
def test_a_job_that_was_put_back_goes_on(
    home: Path, call: Wait, says: Callable[[str], None], tmp_path: Path, state: str, code: int
) -> None:
    """Long after the end of its last attempt its launcher alone knows that it is in the queue again."""
    run = RunDirectory(tmp_path / "one")
    shutil.copytree(home / "runs" / "preempted", run.path)
    launch.write(run.path, LaunchRecord("slurm", {}, job={"id": "7"}, requeues=True))
    says(state)
    assert call(str(run.path), "--timeout", "0.2")[0] == code


def test_it_returns_when_the_epoch_comes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Wait
) -> None:
    run = tmp_path / "one"
    shutil.copytree(home / "runs" / "paused", run)
    log = run / "events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:8]))
    monkeypatch.setattr(time, "sleep", lambda _: log.write_bytes(whole))
    line = "one: validation.accuracy>=0.9 holds: 0.90465 (epoch 4)\n"
    assert call(str(run), "--until", "validation.accuracy>=0.9")[:2] == (0, line)


def test_json_is_one_object(call: Wait) -> None:
    code, out, err = call("finished", "--until", "validation.accuracy>=0.9", "--json")
    found = json.loads(out)
    assert (code, err, found["exit_code"]) == (0, "", 0)
    assert (found["id"], found["status"], found["reason"]) == ("finished", "finished", "condition")
    assert (found["until"], found["met"]["epoch"]) == ("validation.accuracy>=0.9", 4)


def test_json_has_null_for_what_it_cannot_express(call: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dltui.core.reading.summary._done", lambda *given: {"best": math.inf, "test": {"mse": math.nan}}
    )
    code, out, err = call("finished", "--json")
    assert (code, err) == (0, "")
    assert "Infinity" not in out
    assert (json.loads(out)["best"], json.loads(out)["test"]) == (None, {"mse": None})


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--until", "soon"), "--until wants NAME>=NUMBER, as in validation.accuracy>=0.92, got 'soon'"),
        (("--until", "accuracy>=0.9"), 'no measure "accuracy"; did you mean validation.accuracy?'),
        (("--until", "valid.accuracy>=0.9"), 'no measure "valid.accuracy"; did you mean validation.accuracy'),
        (("--until", "validation.acuracy>=0.9"), "did you mean validation.accuracy"),
        (("--until", "validation.f1>=0.9"), 'the run does not measure "validation.f1"; it measures validation.loss'),
        (("--until", "validation.accuracy>=92"), "validation.accuracy is at most 1 or 100%, got 92; did you mean 92%?"),
        (("--until", "validation.top5_accuracy>=92"), "validation.top5_accuracy is at most 1 or 100%, got 92"),
        (("--until", "foo>=0.9"), 'no measure "foo"; names are those like validation.accuracy'),
        (("--until", "auroc>=0.9"), 'no measure "auroc"; did you mean validation.auroc?'),
        (("--timeout", "soon"), "--timeout takes a duration such as 90s, 10m or 1h30m, not soon"),
    ],
)
def test_wrong_use_is_one_line(call: Wait, arguments: tuple[str, ...], line: str) -> None:
    code, out, err = call("paused", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


def history_of(*epochs: tuple[dict[str, float], dict[str, float]], mirror: bool = False) -> History:
    """The history of epochs with these metrics of the training data and of the validation."""
    history = History()
    history.attempt = replace(_started("classification", 3, CLASSES), config={"mirror_test": mirror})
    nan = math.nan
    for number, (train, validation) in enumerate(epochs, 1):
        history.epochs[number] = EpochRecord(number, number, train, validation, nan, nan, nan, nan, nan)
    return history


def test_names_of_any_epoch_are_known() -> None:
    both = {"loss": 1.0, "accuracy": 0.5}
    history = history_of((both, both | {"own": 1.0}), ({}, both))
    assert [measured.unknown(name, history) for name in ("validation.own", "train.loss", "test.own")] == [""] * 3
    assert "did you mean train.loss" in measured.unknown("train.los", history)
    assert measured.unknown("train.loss", history_of(({}, both))) == "", "no line says what is measured"


def test_before_the_test_all_names_that_it_may_have_are_known() -> None:
    both = {"loss": 1.0, "accuracy": 0.5}
    history = history_of((both, both))
    assert measured.unknown("test.auroc", history) == ""
    assert measured.unknown("validation.auroc", history) != ""
    assert measured.unknown("test.mirrored_accuracy", history) != ""
    mirrored = history_of((both, both | {"own": 1.0}), mirror=True)
    assert [measured.unknown(f"test.mirrored_{name}", mirrored) for name in ("accuracy", "loss", "own")] == [""] * 3
    assert mirrored.attempt is not None
    mirrored.attempt = replace(mirrored.attempt, own_loss=True)
    assert measured.unknown("test.mirrored_loss", mirrored) != ""
    history.test = {"metrics": both, "more": {"auroc": 0.9}}
    assert measured.unknown("test.auroc", history) == ""
    assert "it measures" in measured.unknown("test.r2", history)


def test_a_look_takes_less_than_a_hundredth_of_its_interval(made: Path) -> None:
    reader = RunReader(made / "runs" / "paused")
    reader.refresh()
    wanted = condition.parse("validation.accuracy>=0.99")
    began = time.process_time()
    for _ in range(50):
        reader.refresh()
        reader.status()
        condition.met(wanted, reader.history)
    # Twice a second.
    assert (time.process_time() - began) / 50 < 0.01 * 0.5
