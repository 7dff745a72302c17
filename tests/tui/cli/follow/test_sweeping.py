"""Following a sweep: how it is left, and what a terminal without all signs is told."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep.view import SweepView
from dltui.tui.cli import output
from dltui.tui.cli.follow import sweeping

LEFT = "the sweep goes on; dltui sweep show lab tells how far it is, dltui sweep stop lab stops it\n"


@pytest.fixture
def goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep none of whose trials has ended."""
    view = SimpleNamespace(trials=(), confirming=(), over=False)
    monkeypatch.setattr(sweeping, "SweepReader", lambda name: SimpleNamespace(look=lambda: view))


@pytest.mark.usefixtures("goes_on")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_leaves_it(as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    assert sweeping.follow("lab", as_json) == 0
    found = capsys.readouterr()
    assert (found.out, found.err) == (("", LEFT) if as_json else (LEFT, ""))


@pytest.mark.usefixtures("goes_on")
def test_it_is_left_when_nobody_reads_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([None, None, BrokenPipeError()])
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(sweeping, "lost", lambda: next(looks))
    assert sweeping.follow("lab", False) == 0


def trial(number: int, confirms: int | None = None, test: float = 0.8) -> Trial:
    run: Any = RunDirectory(Path(f"lab-t{number}"))
    more = {"metric": "accuracy", "scores": {1: 0.9}, "test": {"accuracy": test}, "over": True}
    return Trial(number, run, {}, "finished", confirms=confirms, **more)  # type: ignore[arg-type]


def test_a_spread_is_spelled_where_its_sign_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "can_show", str.isascii)
    view: Any = SimpleNamespace(trials=(trial(0),), confirming=(trial(1, 0, 0.7), trial(2, 0, 0.9)))
    assert sweeping.results(view) == ["with 2 seeds: test accuracy 80.00 +/-14.14 %"]


def test_the_runs_that_confirmed_an_earlier_winner_are_left_out() -> None:
    better = replace(trial(1), scores={1: 0.95}, test=None)
    confirming = (trial(0, 0, 0.1), trial(0, 0, 0.3), trial(1, 1, 0.8), trial(1, 1, math.nan))
    view: Any = SimpleNamespace(trials=(trial(0), better), confirming=confirming)
    assert sweeping.results(view) == ["with 1 seed: test accuracy 80.00 %"]
    view.confirming = confirming[:2]
    assert sweeping.results(view) == []


def ended(*trials: Trial) -> SweepView:
    return SweepView(Plan("lab", (Dimension("lr", "float", 0.1, 1.0),), len(trials)), trials, status="finished")


def failed(number: int, scores: dict[int, float]) -> Trial:
    one = replace(trial(number), name=f"t{number}", status="failed", why="no memory")
    return replace(one, scores=scores, test=None, epochs=3)


@pytest.mark.parametrize(
    ("trials", "code", "said"),
    [
        ((failed(0, {}), failed(1, {1: 0.5})), 1, "no trial was trained to its end; 2 failed, as t0: no memory\n"),
        ((), 1, "no values go together: no trial was trained\n"),
        ((failed(0, {}), trial(1)), 0, ""),
        ((replace(trial(0), status="stopped", why="stopped by user", epochs=3),), 0, ""),
    ],
)
def test_a_sweep_whose_trials_failed_is_no_success(
    trials: tuple[Trial, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweeping, "SweepReader", lambda name: SimpleNamespace(look=lambda: ended(*trials)))
    assert sweeping.follow("lab", False) == code
    out = capsys.readouterr().out
    assert "lab: finished" in out
    assert said in out
    assert ("no trial" in out) == bool(said)
    assert sweeping.follow("lab", True) == code
