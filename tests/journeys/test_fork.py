"""A fork is its parent up to a checkpoint, bit for bit, and a run of its own from there on."""

from __future__ import annotations

import json
import re

import pytest

from dltui.core.reading.reader import RunReader
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs")


@pytest.fixture
def parent(program: Program) -> RunReader:
    """Killed in the middle of an epoch before its last, with a checkpoint from there."""
    slow = ("--epochs", "4", "--step-seconds", "0.15", "--checkpoint-seconds", "0.3")
    program(*FAST, *slow, "--name", "r", "--detach")
    for step in (14, 20, 26, 32):
        program.wait("r", lambda live, least=step: live.step > least)  # type: ignore[misc]
        program("checkpoint", "r")
        program("kill", "r", "--yes")
        reader = program.reader("r")
        # A slow machine may have got to the end of an epoch in the meantime.
        if reader.history.checkpoints[-1]["step"] % 13:
            return reader
        program("resume", "r", "--detach")
    pytest.fail("four times killed at the very end of an epoch")


def test_with_nothing_changed_it_ends_as_its_parent_would(program: Program, parent: RunReader) -> None:
    program(*FAST, "--epochs", "4", "--name", "whole")
    out = program("fork", "r", "--step-seconds", "0", "--plain").stdout
    found = re.search(r"r-fork begins with (\S+) of r \(step (\d+)\)", out)
    assert found is not None
    begin = {"name": found[1], "step": int(found[2])}
    # The parent may have been killed after it wrote its last checkpoint and before it logged that.
    assert begin["step"] >= parent.history.checkpoints[-1]["step"]
    assert begin["step"] % 13, "in the middle of an epoch"
    whole, fork = program.summary("whole"), program.summary("r-fork")
    assert fork["weights_sha256"] == whole["weights_sha256"]
    assert fork["test_accuracy"] == whole["test_accuracy"]
    assert (fork["parent"], fork["parent_step"], fork["epochs"]) == ("r", begin["step"], 4)
    points = program.reader("r-fork").history.points
    assert list(points.steps) == sorted(set(points.steps))
    assert points.steps[0] < begin["step"], "its curve begins with its parent's"
    assert program.reader("r").status().name == "interrupted", "the parent is as it was"


@pytest.mark.long
def test_a_learning_rate_holds_from_the_fork_on(program: Program, parent: RunReader) -> None:
    program("fork", "r", "--step-seconds", "0", "--lr", "0.003", "--name", "one", "--plain")
    step = program.summary("one")["parent_step"]
    history = program.reader("one").history
    rates = dict(zip(history.points.steps, history.points.lr, strict=True))
    assert {round(float(lr), 6) for at, lr in rates.items() if at <= step} == {0.1}
    assert {round(float(lr), 6) for at, lr in rates.items() if at > step} == {0.003}
    assert any("forked from r at step" in text and "lr 0.1 -> 0.003" in text for _, _, text in history.logs)
    rows = {row["id"]: row for row in json.loads(program("runs", "--json").stdout)}
    assert (rows["one"]["parent"], rows["r"]["parent"]) == ("r", None)
    assert "one (from r)" in program("runs").stdout


@pytest.mark.longest
def test_a_finished_run_needs_a_greater_length(program: Program) -> None:
    program(*FAST, "--epochs", "5", "--name", "whole")
    program(*FAST, "--epochs", "3", "--name", "r")
    refused = program("fork", "r", code=2).stderr
    assert "is at the end of epoch 3" in refused
    assert refused.count("\n") == 1
    assert not program.run("r-fork").exists()
    program("fork", "r", "--epochs", "5", "--plain")
    assert program.summary("r-fork")["weights_sha256"] == program.summary("whole")["weights_sha256"]


@pytest.mark.slow(18)
@pytest.mark.longest
def test_a_run_like_another(program: Program) -> None:
    """With nothing else typed the same weights, whatever is set for all runs; what is typed replaces."""
    program(*FAST, "--epochs", "2", "--lr", "0.0123456789", "--batch-size", "20", "--augment", "shift", "--name", "r")
    program.environment |= {"DLTUI_LR": "0.5", "DLTUI_EPOCHS": "1"}
    program("train", "--like", "r", "--name", "same")
    assert program.summary("same")["weights_sha256"] == program.summary("r")["weights_sha256"]
    program("train", "--like=r", "--lr", "0.02", "--name", "other", "--dry-run")
    program("train", "--lr", "0.02", "--like", "r", "--name", "other")
    first, same, other = (program.reader(name).run["config"] for name in ("r", "same", "other"))
    assert same == first
    assert other == {**first, "lr": 0.02}
    assert "no run nowhere" in program("train", "--like", "nowhere", code=2).stderr.replace('"', "")
    assert "leave softmax-numpy out" in program("train", "softmax-numpy", "--like", "r", code=2).stderr


@pytest.mark.longest
def test_from_the_best_with_other_batches(program: Program) -> None:
    program(*FAST, "--epochs", "4", "--name", "r")
    best = program.reader("r").history.best
    assert best is not None
    program("fork", "r", "--from", "best", "--batch-size", "16", "--epochs", "6", "--plain")
    reader = program.reader("r-fork")
    assert reader.status().name == "finished"
    assert sorted(reader.history.epochs) == list(range(best.epoch + 1, 7))
    assert reader.run["fork"]["from"] == "best"
    assert reader.run["config"]["batch_size"] == 16


def test_another_monitor_has_a_best_epoch_of_its_own(program: Program) -> None:
    """The parent's best value is that of another metric: nothing would be better than a loss of 2."""
    program(*FAST, "--epochs", "2", "--lr", "0.0001", "--monitor", "-validation.loss", "--name", "r")
    changed = ("--monitor", "validation.accuracy", "--lr", "0.1", "--epochs", "5")
    program("fork", "r", *changed, "--patience", "3", "--name", "other", "--plain")
    history = program.reader("other").history
    assert sorted(history.epochs) == [3, 4, 5]
    assert history.best is not None
    assert history.best.best, "the run itself took it for the best"
    assert history.test is not None
    assert history.test["epoch"] == history.best.epoch
    program("fork", "r", "--monitor", "-loss", "--epochs", "4", "--name", "same", "--plain")
    assert sorted(program.reader("same").history.epochs) == [1, 2, 3, 4], "the same metric: its curve goes on"


def test_a_fork_of_a_run_that_patience_ended_trains(program: Program) -> None:
    waiting = ("--patience", "2", "--min-delta", "1")
    program(*FAST, "--epochs", "9", *waiting, "--name", "r")
    assert sorted(program.reader("r").history.epochs) == [1, 2, 3]
    program("fork", "r", "--lr", "0.01", "--plain")
    history = program.reader("r-fork").history
    assert sorted(history.epochs) == [1, 2, 3, 4, 5, 6], "it waits for two epochs after its first"


@pytest.mark.longest
def test_without_its_checkpoint_a_fork_does_not_begin_from_nothing(program: Program, parent: RunReader) -> None:
    program("fork", "r", "--detach", "--plain")
    program.wait("r-fork", lambda live: live.phase == "training")
    program("kill", "r-fork", "--yes")
    for folder in program.run("r-fork").glob("checkpoints/*"):
        folder.rename(program.folder / folder.name)
    refused = program("resume", "r-fork", "--plain", code=2).stderr
    assert "the checkpoints of r-fork are gone" in refused


def test_a_run_without_a_checkpoint_cannot_be_forked(program: Program) -> None:
    program(*FAST, "--epochs", "4", "--step-seconds", "0.3", "--name", "r", "--detach")
    program.wait("r", lambda live: live.step > 0)
    assert "has no checkpoint yet" in program("fork", "r", code=2).stderr
    program("kill", "r", "--yes")
    assert not program.run("r-fork").exists()


@pytest.mark.long
def test_with_other_batches_its_epochs_count_on_and_its_time_is_its_own(program: Program) -> None:
    program(*FAST, "--epochs", "2", "--step-seconds", "0.05", "--name", "r")
    changed = ("--batch-size", "16", "--epochs", "6", "--step-seconds", "0", "--patience", "2", "--min-delta", "1")
    program("fork", "r", *changed, "--plain")
    history = program.reader("r-fork").history
    assert sorted(history.epochs) == [3, 4, 5], "it waits for two epochs after its first"
    assert history.ended is not None
    assert history.ended.train_seconds == pytest.approx(sum(one.seconds for one in history.epochs.values()))
    assert program("wait", "r-fork", "--until", "epoch>=5").stdout.startswith("r-fork: epoch>=5 holds")
    program("resume", "r-fork", "--more-epochs", "2", "--plain")
    assert sorted(program.reader("r-fork").history.epochs) == [3, 4, 5, 6, 7, 8], "patience begins to count again"
    assert program.summary("r-fork")["epochs"] == 8
    program("fork", "r-fork", "--name", "again", "--epochs", "9", "--plain")
    history = program.reader("again").history
    assert history.ended is not None
    assert history.ended.train_seconds == pytest.approx(sum(one.seconds for one in history.epochs.values()))
