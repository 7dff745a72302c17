"""What of a run is repeated, and what is refused; how two logs are compared."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.lifecycle.proof import repetition, verify
from dltui.core.reading.history import History
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.events import CommandObeyed, Logged
from dltui.core.rundir.lock import RunLock
from dltui.core.rundir.log import EventLog
from tests.helpers.sample_run import make_sample_run


def read(path: Path) -> RunReader:
    reader = RunReader(path)
    reader.refresh()
    return reader


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_sample_run(tmp_path, run_id="r", epochs=2, image=False).path


def ask(run: Path, **fields: Any) -> None:
    content = json.loads((run / "run.json").read_text())
    content["config"] |= fields.pop("config", {})
    (run / "run.json").write_text(json.dumps(content | fields))


def test_a_finished_run_is_repeated(run: Path) -> None:
    assert verify.refusal(read(run)) == ""


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"fork": {"step": 40}, "parent": "p"}, "r begins with a checkpoint of p, which it does not hold"),
        ({"twin": {"start": "/x"}}, "r begins with the weights of its twin, which it does not hold: verify the twin"),
        ({"config": {"max_time": "10m"}}, "r was trained for 10m by the clock: that does not repeat its steps"),
    ],
)
def test_what_is_not_in_the_run_directory_is_refused(run: Path, fields: dict[str, Any], line: str) -> None:
    ask(run, **fields)
    assert verify.refusal(read(run)).startswith(line)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("stopped", "r was stopped by hand at step 80: only runs that have finished are repeated"),
        ("failed", "r is failed: only runs that have finished are repeated"),
    ],
)
def test_a_run_that_has_not_finished_is_refused(tmp_path: Path, status: str, line: str) -> None:
    run = make_sample_run(tmp_path, run_id="r", epochs=2, status=status, image=False)
    assert verify.refusal(read(run.path)) == line


def test_the_commands_that_steered_the_run_are_repeated(run: Path, tmp_path: Path) -> None:
    log = EventLog(run / "events.jsonl", 1)
    for action, arguments in (("pause", {}), ("set", {"lr": 0.01}), ("extend", {"epochs": 3})):
        log.append(CommandObeyed(f"c-{action}", action, arguments, 1, 40, "me", time.time()))
    log.append(Logged("info", "said"))
    log.close()
    (tmp_path / "again").mkdir()
    again = read(verify.copy(read(run), tmp_path / "again", {}).path)
    assert (again.history.lr_changes, again.history.added_epochs) == ([(40, 0.01)], [3])
    assert [command["action"] for command in again.history.commands] == ["set", "extend"]
    assert again.history.attempt is None
    assert again.run["config"]["lr"] == 0.05
    assert again.run["config"]["threads"] in (0, 2), "those of its attempt"


def test_the_first_loss_that_differs(run: Path) -> None:
    one, other = read(run), read(run)
    assert repetition.parting(one.history, other.history) is None
    assert repetition.verdict(one, other).equal
    other.history.points.loss[30] += 1e-6
    found = repetition.verdict(one, other)
    assert not found.equal
    assert found.parting is not None
    assert (found.parting.first, found.parting.last, found.steps) == (31, 31, 30)


def curve(*points: tuple[int, float]) -> History:
    """A history whose losses end at these steps."""
    history = History()
    history.points.steps.extend(step for step, _ in points)
    history.points.loss.extend(loss for _, loss in points)
    return history


def test_losses_of_other_steps_are_not_compared() -> None:
    """A checkpoint ends the mean of a few steps early, wherever the clock puts it."""
    before = curve((2, 3.0), (3, 2.0), (4, 1.5), (6, 1.0), (8, 0.5))
    assert repetition.parting(before, curve((2, 3.0), (4, 1.75), (6, 1.0), (7, 0.6), (8, 0.4))) is None
    found = repetition.parting(before, curve((2, 3.0), (4, 1.75), (6, 0.9), (8, 0.5)))
    assert found == repetition.Parting(5, 6, 1.0, 0.9)
    gaps = [curve((1, math.nan), (2, 1.0)) for _ in range(2)]
    assert repetition.parting(*gaps) is None


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("preempted", "r was not trained again: its worker was preempted at step 80"),
        ("stopped", "r was not trained again: its worker was stopped at step 80"),
        ("failed", "r cannot be trained again: the loss is not a finite number"),
        ("interrupted", "r was not trained again: "),
    ],
)
def test_a_repetition_that_did_not_end_proves_nothing(run: Path, tmp_path: Path, status: str, line: str) -> None:
    again = make_sample_run(tmp_path / "again", run_id="r", epochs=2, done=2, status=status, image=False)
    now = read(again.path)
    with pytest.raises(RunError, match=f"^{line}"):
        verify.check_finished(now, repetition.verdict(read(run), now))


def test_what_a_killed_repetition_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path))
    left, training, young, other = (tmp_path / name for name in ("verify-a", "verify-b", "verify-c", "datasets"))
    for folder in (left, training / "r", young, other):
        folder.mkdir(parents=True)
    worker = RunLock()
    worker.acquire(training / "r" / "lock")
    for folder in (left, training, other):
        os.utime(folder, (1, 1))
    with verify.temporary_folder() as mine:
        os.utime(mine, (1, 1))
        verify.sweep(tmp_path)
        assert {*tmp_path.iterdir()} == {training, young, other, mine}
    worker.release()
    assert not mine.exists()


def test_every_attempt_counts_in_what_differs(run: Path) -> None:
    before = read(run)
    attempt = before.history.attempt
    assert attempt is not None
    log = EventLog(run / "events.jsonl", 2)
    log.append(replace(attempt, start_step=80, threads=7))
    log.close()
    now = RunReader(run)
    now.refresh()
    now.history.attempt = attempt
    assert ("threads", "2, then 7", "2") in [
        (one.name, one.then, one.now) for one in repetition.differences(read(run), now)
    ]


def test_a_repetition_of_another_host_is_left_alone(tmp_path: Path) -> None:
    """Its lock may not show here; what its worker writes does."""
    run = tmp_path / "verify-far" / "r"
    run.mkdir(parents=True)
    (run / "live.json").touch()
    for folder in (run, run.parent):
        os.utime(folder, (1, 1))
    verify.sweep(tmp_path)
    assert run.is_dir()
    os.utime(run / "live.json", (1, 1))
    verify.sweep(tmp_path)
    assert not run.parent.exists()
