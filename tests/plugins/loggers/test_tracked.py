"""Weights & Biases and Trackio, by a stand-in for both packages that notes what it is told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.log import LogTail
from dltui.plugins.loggers import tensorboard
from dltui.plugins.loggers.tracked import TRACKIO, WANDB
from tests.helpers.sample_run import make_sample_run


class StandIn:
    """A module with `init`, which gives itself as the run."""

    def __init__(self) -> None:
        self.began: dict[str, Any] = {}
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.ended: dict[str, Any] | None = None

    def init(self, **arguments: Any) -> StandIn:
        self.began = arguments
        return self

    def log(self, values: dict[str, float], step: int) -> None:
        assert step >= (self.logged[-1][0] if self.logged else 0), "a step that goes back is dropped"
        self.logged.append((step, values))

    def finish(self, **arguments: Any) -> None:
        self.ended = arguments


def follow(logger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, status: str) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, logger.name, SimpleNamespace(init=stand_in.init))
    run = make_sample_run(tmp_path / "runs", epochs=2, run_id="r", image=False)
    observer = logger.open(RunReader(run), option, 2)
    for record in LogTail(run.events_path).read():
        observer.event(record)
    observer.close(status)
    return stand_in


def test_wandb_is_offline_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    found = follow(WANDB, tmp_path, monkeypatch, "", "failed")
    assert (found.began["project"], found.began["name"], found.began["mode"]) == ("dltui", "r-2", "offline")
    assert found.began["dir"] == str(tmp_path / "exports")
    assert found.began["config"]["lr"] == 0.05
    assert found.ended == {"exit_code": 1}
    monkeypatch.setenv("WANDB_MODE", "online")
    assert follow(WANDB, tmp_path / "2", monkeypatch, "mine", "finished").began["mode"] == "online"


def test_trackio_gets_the_curves_and_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = follow(TRACKIO, tmp_path, monkeypatch, "mine", "finished")
    assert found.began["project"] == "mine"
    steps = [values for _, values in found.logged if "step/loss" in values]
    assert len(steps) == 80
    assert [step for step, values in found.logged if "validation/accuracy" in values] == [40, 80]
    assert "train/loss" in {name for _, values in found.logged for name in values}
    step, last = found.logged[-1]
    assert (step, set(last)) == (80, {"test/loss", "test/accuracy"})
    assert found.ended == {}


RECORDS: list[dict[str, Any]] = [
    {"type": "trained", "steps": [1, 2], "loss": [3.0, 2.0], "lr": [0.1, 0.1], "metrics": {"kl": [1.0, 0.5]}},
    {"type": "epoch_ended", "train": {"loss": 2.5, "kl": 0.75}, "step": 2},
    {"type": "evaluated", "split": "validation", "metrics": {"loss": 2.0, "kl": 0.25}, "step": 2},
]


@pytest.mark.parametrize("logger", [WANDB, TRACKIO], ids=lambda logger: logger.name)
def test_named_losses_arrive_by_their_names(logger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, logger.name, SimpleNamespace(init=stand_in.init))
    run = make_sample_run(tmp_path / "runs", epochs=1, run_id="r", image=False)
    observer = logger.open(RunReader(run), "", 1)
    for record in RECORDS:
        observer.event(record)
    assert stand_in.logged == [
        (1, {"step/loss": 3.0, "step/lr": 0.1, "step/kl": 1.0}),
        (2, {"step/loss": 2.0, "step/lr": 0.1, "step/kl": 0.5}),
        (2, {"train/loss": 2.5, "train/kl": 0.75}),
        (2, {"validation/loss": 2.0, "validation/kl": 0.25}),
    ]


def test_named_losses_arrive_at_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def add_scalar(self, name: str, value: float, step: int, walltime: float) -> None:
            found[(name, step)] = value

    found: dict[tuple[str, int], float] = {}
    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=Writer))
    run = make_sample_run(tmp_path / "runs", epochs=1, run_id="r", image=False)
    observer = tensorboard.LOGGER.open(RunReader(run), "", 1)
    for record in [{"type": "attempt_started", "start_step": 0}, *RECORDS]:
        observer.event({**record, "time": 1.0})
    kept = {name: value for name, value in found.items() if "kl" in name[0]}
    assert kept == {
        ("step/kl", 1): 1.0, ("step/kl", 2): 0.5, ("epoch/kl/train", 2): 0.75, ("epoch/kl/validation", 2): 0.25,
    }  # fmt: skip
